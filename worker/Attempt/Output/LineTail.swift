package import Ports

/// Reads whole lines as they are appended to a file that may not be there yet.
package struct LineTail: Sendable {
    let path: String
    /// Bytes read so far, up to the end of the last whole line.
    package private(set) var position: Int64
    /// Something is there that is no file: a pipe, a socket, a folder. It is never opened.
    package private(set) var isUnreadable = false
    /// Lines of more than a mebibyte that were passed over.
    package var longLines = 0
    /// The end of such a line is still to come.
    private var isInLongLine = false

    private static let readBytes = 1 << 20

    package init(path: String, position: Int64 = 0) {
        self.path = path
        self.position = position
    }

    /// - Parameter isComplete: nobody writes any more, so a last line without its newline counts too.
    /// - Returns: the next lines, without newlines; at most about 1 MiB.
    package mutating func read(isComplete: Bool, files: any FileStore) throws -> [String] {
        while true {
            guard let information = try files.information(path) else { return [] }
            isUnreadable = !information.isRegular
            guard !isUnreadable else { return [] }
            if information.size < position { position = 0 }  // begun anew
            guard information.size > position else { return [] }
            var bytes = try OpenFile(reading: path).read(
                Int(min(information.size - position, Int64(Self.readBytes))), at: position)
            let isAll = position + Int64(bytes.count) == information.size
            let isFirst = position == 0
            if !(isComplete && isAll) {
                guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
                    // A line of a mebibyte is none that anyone wants: pass over it.
                    guard bytes.count == Self.readBytes else { return [] }
                    position += Int64(bytes.count)
                    if !isInLongLine { longLines += 1 }
                    isInLongLine = true
                    continue
                }
                bytes.removeSubrange((end + 1)...)
            }
            position += Int64(bytes.count)
            if isInLongLine, let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                isInLongLine = false
                bytes.removeSubrange(...end)
            }
            if isFirst, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            if !lines.isEmpty || position >= information.size { return lines }
        }
    }
}
