package import Ports

/// Reads whole lines as they are appended to a file that may not be there yet.
package struct LineTail: Sendable {
    let path: String
    /// Bytes read so far, up to the end of the last whole line.
    package private(set) var position: Int64

    package init(path: String, position: Int64 = 0) {
        self.path = path
        self.position = position
    }

    /// - Parameter isComplete: nobody writes any more, so a last line without its newline counts too.
    /// - Returns: the next lines, without newlines; at most about 1 MiB.
    package mutating func read(isComplete: Bool, files: any FileStore) throws -> [String] {
        guard let information = try files.information(path), !information.isFolder else { return [] }
        if information.size < position { position = 0 }  // begun anew
        guard information.size > position else { return [] }
        var bytes = try OpenFile(reading: path).read(Int(min(information.size - position, 1 << 20)), at: position)
        let isAll = position + Int64(bytes.count) == information.size
        if !(isComplete && isAll) {
            guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
                // A line of a mebibyte is none that anyone wants: pass over it.
                if bytes.count == 1 << 20 { position += Int64(bytes.count) }
                return []
            }
            bytes.removeSubrange((end + 1)...)
        }
        position += Int64(bytes.count)
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
}
