import Ports

/// A file opened for one look at it.
struct FileWindow {
    /// Bytes in it when it was opened.
    let size: UInt64
    private let file: OpenFile

    /// Opens what has something behind `position`. A file that became shorter was begun anew: its position
    /// goes back to 0.
    ///
    /// - Parameter end: what stands behind it is not there for this reader.
    /// - Returns: nil where there is no file, or nothing new in it.
    init?(_ path: String, _ position: inout UInt64, end: UInt64 = .max) throws {
        guard let information = try DiskFiles().information(path), information.isRegular else { return nil }
        if UInt64(information.size) < position { position = 0 }
        guard UInt64(information.size) > position else { return nil }
        do {
            file = try OpenFile(reading: path)
        } catch let error as PortsError where error.code == .notFound {
            return nil
        }
        size = min(UInt64(try file.size()), end)
        guard size > position else { return nil }
    }

    /// Up to `count` bytes from `offset`; fewer where the file ends.
    func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
        try file.read(Int(min(UInt64(count), size > offset ? size - offset : 0)), at: Int64(offset))
    }
}
