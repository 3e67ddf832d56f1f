import Ports

/// What need not outlast a power cut: without the waits for the disk.
extension FileStore {
    /// All or nothing as long as the machine runs; a power cut may leave nothing of it, or a file without its
    /// content.
    func writeWhole(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let temporary = temporaryName(for: path)
        do {
            try open(writing: temporary, truncate: true, mode: mode).write(bytes, at: 0)
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)  // what failed first is what counts
            throw error
        }
    }

    /// Whatever the file held before; for what is of no use half written. Not emptied first: ext4 takes that
    /// for a file that is replaced, and writes it to the disk as soon as it is closed.
    func write(_ bytes: [UInt8], over path: String, mode: UInt32 = 0o644) throws {
        let file = try open(writing: path, truncate: false, mode: mode)
        try file.write(bytes, at: 0)
        if try file.size() > bytes.count { try file.truncate(to: Int64(bytes.count)) }
    }

    /// The folder and its parents; no error if it is there.
    func makeUnsyncedFolder(_ path: String, mode: UInt32 = 0o755) throws {
        let parent = DiskFiles.parent(of: path)
        do {
            if try makeSingleFolder(path, mode: mode) { return }
        } catch let error as PortsError where error.code == .notFound && parent != path {
            try makeUnsyncedFolder(parent, mode: mode)
            if try makeSingleFolder(path, mode: mode) { return }
        }
        // Says what is in the way, if anything is.
        if try information(path)?.isFolder != true { try makeFolder(path, mode: mode) }
    }
}
