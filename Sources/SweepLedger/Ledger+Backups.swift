package import Ports

extension Ledger {
    /// Copies of the ledger that `backup` made, the newest first; other files in the folder are not ours to
    /// count.
    ///
    /// - Throws: `PortsError`.
    package func backups(files: any FileStore = DiskFiles()) throws -> [(path: String, at: Int64)] {
        let place = folder + "/backups"
        guard try files.information(place) != nil else { return [] }
        return try files.list(place).compactMap { name -> (path: String, at: Int64)? in
            guard name.hasPrefix("ledger-"), name.hasSuffix(".db"), let at = Int64(name.dropFirst(7).dropLast(3)) else {
                return nil
            }
            return ("\(place)/\(name)", at)
        }.sorted { $1.at < $0.at }
    }

    /// Makes a copy if the newest is older than that, also one that an earlier process made, and keeps the
    /// newest ones.
    ///
    /// - Returns: the copy's path and size; nil if none was due.
    /// - Throws: `LedgerError`, `PortsError`, `DatabaseError`. What is there stays then.
    package func backupIfDue(
        every pace: Duration, keep: Int, now: WallTime, files: any FileStore = DiskFiles()
    ) async throws -> (path: String, bytes: Int)? {
        let newest = try backups(files: files).first?.at
        // A clock that was set back must not put off the next copy for ever.
        if let newest, newest <= now.milliseconds, now.milliseconds - newest < pace.milliseconds { return nil }
        let made = try await backup(now: now, files: files)
        for old in try backups(files: files).filter({ $0.path != made.path }).dropFirst(max(0, keep - 1)) {
            try files.remove(old.path)
        }
        return made
    }
}
