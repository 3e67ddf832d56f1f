import Ports

/// SQLite's write-ahead log, as a file: a header of 32 bytes, then frames of a header of 24 bytes and a page.
/// Frames that carry the header's two salts belong to it; what follows is left over from before the log began
/// again.
enum LedgerLog {
    private static let headerBytes = 32
    private static let frameHeaderBytes = 24
    private static let pieceBytes = 1 << 20

    /// Writes what stands in the log once more and syncs it; to be called before SQLite opens the ledger.
    ///
    /// What an earlier process wrote last may be readable and yet not on the disk: after a sync that failed,
    /// Linux takes the pages for clean and never writes them, and every later sync succeeds. SQLite would
    /// trust such a log, copy it into the file, and a power cut would leave a file newer than the front of
    /// its log: a mixture of both. Pages written again are dirty again.
    ///
    /// - Throws: `PortsError`.
    static func makeDurable(_ path: String, in files: any FileStore) throws {
        guard try files.exists(path) else { return }
        let file = try files.open(writing: path, truncate: false, mode: 0o600)
        let end = try lengthInUse(file)
        var offset: Int64 = 0
        while offset < end {
            let piece = try file.read(Int(min(Int64(pieceBytes), end - offset)), at: offset)
            guard !piece.isEmpty else { break }
            try file.write(piece, at: offset)
            offset += Int64(piece.count)
        }
        try file.synchronize()
        try files.synchronizeFolder(DiskFiles.parent(of: path))
    }

    private static func lengthInUse(_ file: any StoredFile) throws -> Int64 {
        let size = try file.size()
        let header = try file.read(headerBytes, at: 0)
        guard header.count == headerBytes else { return size }
        let page = header[8..<12].reduce(0) { $0 << 8 | Int64($1) }
        guard (512...65536).contains(page) else { return size }
        let salts = header[16..<24]
        var end = Int64(headerBytes)
        while end + Int64(frameHeaderBytes) + page <= size,
            try file.read(8, at: end + 8).elementsEqual(salts)
        { end += Int64(frameHeaderBytes) + page }
        return end
    }
}
