import GRDB
package import Ports

extension Ledger {
    /// Puts a backup in the place of a ledger whose coordinator does not run.
    ///
    /// The epoch grows, so that no token of the time after the backup is ever good again, and attempts that
    /// were open then are ended as lost: their workers hear that they are superseded, their jobs wait. The
    /// file that was there before is kept beside it. Where the epoch of the replaced ledger cannot be read,
    /// because it is damaged or not there, the new one is drawn far above the backup's: the backup may have
    /// been restored before, and its tokens must stay no good.
    ///
    /// - Returns: the new epoch, and where the old file is.
    /// - Throws: `LedgerError`: `locked` while a coordinator runs on the folder; `notALedger` or
    ///   `newerSchema` for a file that is no backup of this program, or a damaged one. Nothing has changed
    ///   then.
    package static func restore(
        backup: String, to folder: String, now: WallTime, random: any RandomSource = SystemRandom(),
        files: any FileStore = DiskFiles()
    ) throws -> (epoch: Int, kept: String?) {
        let path = folder + "/ledger.db"
        do {
            try files.makeFolder(folder, mode: 0o700)
            guard let lock = try lock(folder, files) else {
                throw LedgerError(.locked, "\(folder) is in use by a coordinator; stop it first")
            }
            return try withExtendedLifetime(lock) {
                let raw = path + ".restoring"
                try files.remove(raw)
                try files.writeAtomically(try files.read(backup, limit: 1 << 40), to: raw, mode: 0o600)
                let other = try? self.epoch(of: path)  // damaged is why it is replaced
                let epoch: Int
                do {
                    try refuseDamaged(raw, of: backup)
                    epoch = try raiseEpoch(raw, over: other, now: now, random)
                } catch {
                    try? files.remove(raw)  // what stays is removed by the next restore
                    throw error
                }
                try files.publish(raw, as: path + ".restored")
                let kept = try setAside(path, in: "\(folder)/replaced-\(now.milliseconds)", files)
                try finishRestore(path, files)
                return (epoch, kept)
            }
        } catch let error as PortsError {
            throw LedgerError(error.code == .diskFull ? .diskFull : .inputOutput, error.message)
        } catch let error as DatabaseError {
            throw LedgerError(.notALedger, "\(backup) cannot be restored: \(error.message ?? "\(error.resultCode)")")
        }
    }

    /// A copy that lost pages on its way (not synced before a power cut, cut off by a full disk) opens, and
    /// answers until the first lost page is needed: too late, when it has replaced a good ledger.
    private static func refuseDamaged(_ path: String, of backup: String) throws {
        let queue = try DatabaseQueue(path: path)
        let findings = try queue.read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check(3)") }
        try queue.close()
        guard findings == ["ok"] else {
            let what = findings.joined(separator: "; ")
            throw LedgerError(
                .notALedger, "\(backup) is damaged and was not restored (\(what)); take an earlier backup")
        }
    }

    /// Moves a ledger's file away, then what belongs to it.
    private static func setAside(_ path: String, in folder: String, _ files: any FileStore) throws -> String? {
        var kept: String?
        for end in ["", "-wal", "-shm"] where try files.exists(path + end) {
            if kept == nil { try files.makeFolder(folder, mode: 0o700) }
            kept = folder
            try files.rename(path + end, to: "\(folder)/ledger.db\(end)")
            try files.synchronizeFolder(DiskFiles.parent(of: path))
        }
        if kept != nil { try files.synchronizeFolder(folder) }
        return kept
    }

    /// The last step of a restore, also of one that was cut off before it: without it a start would make a
    /// new, empty ledger, or read the restored one with the log of the other.
    static func finishRestore(_ path: String, _ files: any FileStore) throws {
        guard try files.exists(path + ".restored") else { return }
        // Nothing was moved yet: the restore did not happen.
        if try files.exists(path) { return try files.remove(path + ".restored") }
        for end in ["-wal", "-shm"] { try files.remove(path + end) }
        try files.synchronizeFolder(DiskFiles.parent(of: path))
        try files.publish(path + ".restored", as: path)
    }

    private static func epoch(of path: String) throws -> Int {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        return try queue.read { db in try Int.fetchOne(db, sql: "SELECT epoch FROM ledger") ?? 0 }
    }

    /// So far above the backup's goes an epoch that cannot be compared with the replaced one.
    private static let epochLeap = 1 << 30

    /// - Parameter other: epoch of the ledger that is replaced: it may have been restored before. nil if
    ///   nobody knows it.
    private static func raiseEpoch(
        _ path: String, over other: Int?, now: WallTime, _ random: any RandomSource
    ) throws -> Int {
        let queue = try DatabaseQueue(path: path)
        let epoch = try queue.writeWithoutTransaction { db in
            // A rollback journal, so that the file is whole by itself when it is moved.
            try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA")
            try Schema.prepare(db, path: path, ledgerID: "", now: now.milliseconds)
            var epoch = 0
            try db.inTransaction(.immediate) {
                let own = try Int.fetchOne(db, sql: "SELECT epoch FROM ledger") ?? 0
                let step = other == nil ? 1 + random.integer(below: epochLeap) : 1
                epoch = max(own, other ?? 0) + (Mutant.isOn("epoch-not-raised") ? 0 : step)
                try db.execute(sql: "UPDATE ledger SET epoch = ?", arguments: [epoch])
                try db.execute(
                    sql: """
                        UPDATE attempt SET ended = ?1, outcome = 'lost', failure = 'lost' WHERE ended IS NULL;
                        """, arguments: [now.milliseconds])
                try db.execute(
                    sql: """
                        UPDATE job SET state = CASE WHEN stop = 'pause' THEN 'paused' ELSE 'waiting' END, stop = NULL,
                            updated = ?1 WHERE state = 'running'
                        """, arguments: [now.milliseconds])
                try db.note("restored", at: now, detail: "epoch \(epoch)")
                return .commit
            }
            return epoch
        }
        try queue.close()
        return epoch
    }

    /// A copy of the ledger made on the writer's connection, in the caller's time, not synced.
    package func copyNow(to target: String) throws {
        try readNow { db in try db.execute(sql: "VACUUM INTO ?", arguments: [target]) }
    }

    /// 1 if the ledger has a row for the blob, in the caller's time.
    package func blobRowCount(_ blob: ContentDigest) throws -> Int {
        try readNow { db in try db.first("SELECT 1 FROM blob WHERE sha256 = ?", [blob.text]) == nil ? 0 : 1 }
    }
}
