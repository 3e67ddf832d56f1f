import CSQLiteExtras
import Foundation
import GRDB
package import Ports

extension Ledger {
    /// Makes a blob's row, then it exists.
    package func store(_ blob: ContentDigest, bytes: Int, now: WallTime) async throws {
        try await writer.perform(AddBlobs(blobs: [(blob.text, bytes)], now: now))
    }

    /// A consistent, checked and synced copy of the ledger file, without blobs.
    ///
    /// - Returns: path and size.
    package func backup(now: WallTime, files: any FileStore = DiskFiles()) async throws -> (path: String, bytes: Int) {
        let target = "\(folder)/backups/ledger-\(now.milliseconds).db"
        let temporary = target + ".tmp"
        try files.makeFolder(folder + "/backups", mode: 0o700)
        try files.remove(temporary)
        // A reader of its own: VACUUM INTO needs a connection that may write a file, but it takes no write
        // lock on the ledger.
        var configuration = Configuration()
        configuration.label = "ledger.backup"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        let source = try DatabaseQueue(path: path, configuration: configuration)
        try await source.writeWithoutTransaction { db in
            try db.execute(sql: "VACUUM INTO ?", arguments: [temporary])
        }
        try source.close()
        try files.keepPrivate(temporary, mode: 0o600)
        let copy = try DatabaseQueue(path: temporary)
        let findings = try await copy.read { db in try String.fetchAll(db, sql: "PRAGMA integrity_check") }
        try copy.close()
        guard findings == ["ok"] else {
            throw LedgerError(
                .inputOutput, "the copy of the ledger is damaged: \(findings.prefix(3).joined(separator: "; "))")
        }
        try files.publish(temporary, as: target)
        return (target, Int(try files.information(target)?.size ?? 0))
    }

    private static func blobRows(_ db: Database, _ prefix: String) throws -> Set<String> {
        try Set(
            String.fetchAll(
                db, sql: "SELECT sha256 FROM blob WHERE sha256 >= ? AND sha256 < ?", arguments: [prefix, prefix + "g"]))
    }

    /// Files a day old or older that no row names, in the caller's time: of a process that ended before it
    /// had written the row, or removed the file.
    package func orphansNow(now: WallTime) throws -> [ContentDigest] {
        try blobs.prefixes().flatMap { prefix -> [ContentDigest] in
            let old = try blobs.oldFiles(prefix, now: now)
            let known = old.isEmpty ? [] : try readNow { db in try Self.blobRows(db, prefix) }
            return old.filter { !known.contains($0.text) }
        }
    }

    /// Removes blobs that nothing refers to and whose grace is over: rows first, then files. Then files that
    /// no row names, of a process that ended between the two.
    package func collect(now: WallTime) async throws -> (blobs: Int, bytes: Int) {
        var blobs = 0
        var bytes = 0
        while true {
            let candidates = try await read { db in try CollectBlobs.candidates(db, now: now, limit: 500) }
            if candidates.isEmpty { break }
            let gone = try await writer.perform(CollectBlobs(now: now, candidates: candidates), .bulk)
            for one in gone {
                guard let digest = ContentDigest(one.sha256) else { continue }
                try await self.blobs.remove(digest) {
                    try await read { db in try db.first("SELECT 1 FROM blob WHERE sha256 = ?", [digest.text]) != nil }
                }
                blobs += 1
                bytes += one.bytes
            }
            if gone.isEmpty { break }
        }
        for prefix in try await Self.apart({ [blobs = self.blobs] in try blobs.prefixes() }) {
            let old = try await Self.apart { [blobs = self.blobs] in try blobs.oldFiles(prefix, now: now) }
            guard !old.isEmpty else { continue }
            let known = try await read { db in try Self.blobRows(db, prefix) }
            for digest in old where !known.contains(digest.text) {
                try await self.blobs.remove(digest) {
                    try await read { db in try db.first("SELECT 1 FROM blob WHERE sha256 = ?", [digest.text]) != nil }
                }
                blobs += 1
            }
        }
        try self.blobs.dropStaleUploads(now: now)
        return (blobs, bytes)
    }

    /// Looks for what must not be: SQLite's own checks, and the ledger's invariants.
    package func check() async throws -> (findings: [String], notes: [String]) {
        let stored = try await read { db in
            try db.all("SELECT sha256, bytes FROM blob").map { ($0["sha256"] as String, $0["bytes"] as Int) }
        }
        var findings = try await read { db in try LedgerCheck.findings(db) }
        // Every byte of every blob is read, which takes hours of a large store.
        findings += try await Self.apart { [blobs] in try stored.compactMap { try Self.fault(of: $0, $1, in: blobs) } }
        return (findings, LedgerCheck.notes())
    }
}

extension Ledger {
    private static func fault(of sha256: String, _ bytes: Int, in blobs: BlobStore) throws -> String? {
        guard let digest = ContentDigest(sha256), let size = try blobs.size(digest) else {
            return "blob \(sha256) is in the ledger, but its file is gone"
        }
        guard size == bytes else { return "blob \(sha256) has \(size) bytes on disk, \(bytes) in the ledger" }
        guard let found = try blobs.contentDigest(digest), found != digest else { return nil }
        return "blob \(sha256) is damaged: its content has the digest \(found)"
    }

    /// Long work on a thread of its own: Swift's own threads are as many as there are cores, and heartbeats
    /// need them.
    static func apart<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try body() }) }
            thread.name = "ledger.apart"
            thread.start()
        }
    }
}

/// The invariants of facts a ledger must keep, in SQL.
package enum LedgerCheck {
    /// Each query returns one row per violation, first column what to say about it.
    private static let queries: [String] = [
        """
        SELECT 'job ' || j.identity || ' is done, but ' || count(a.id) || ' attempts delivered a result' FROM job j
        LEFT JOIN attempt a ON a.job = j.id AND a.outcome = 'done' WHERE j.state = 'done' GROUP BY j.id HAVING count(a.id) <> 1
        """,
        """
        SELECT 'job ' || j.identity || ' has attempt ' || max(a.number) || ', but counts ' || j.attempt FROM job j
        JOIN attempt a ON a.job = j.id LEFT JOIN removed_job r ON r.identity = j.identity GROUP BY j.id
        HAVING max(a.number) <> j.attempt OR count(*) + coalesce(r.attempts, 0) <> j.attempt
        """,
        """
        SELECT 'job ' || j.identity || ' has an open attempt that is not its newest' FROM job j
        JOIN attempt a ON a.job = j.id WHERE a.ended IS NULL AND a.number <> j.attempt
        """,
        """
        SELECT 'job ' || j.identity || ' is ' || j.state || ', but an attempt is open' FROM job j
        JOIN attempt a ON a.job = j.id WHERE a.ended IS NULL AND j.state NOT IN ('running', 'waiting')
        """,
        """
        SELECT 'job ' || j.identity || ' is running without an open attempt' FROM job j WHERE j.state = 'running'
            AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.job = j.id AND a.ended IS NULL)
        """,
        """
        SELECT 'sweep ' || s.name || ' counts ' || c.jobs || ' jobs ' || c.state || ', there are ' || (
            SELECT count(*) FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = s.id AND j.state = c.state)
        FROM sweep_count c JOIN sweep s ON s.id = c.sweep WHERE c.jobs <> (
            SELECT count(*) FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = s.id AND j.state = c.state)
        """,
        """
        SELECT 'checkpoint ' || c.name || ' of attempt ' || c.attempt || ' is resumable without a state' FROM checkpoint c
        WHERE c.resumable = 1 AND NOT EXISTS (SELECT 1 FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'state')
        """,
    ]

    /// Checks a ledger without its coordinator, or beside a running one: opens it read-only and takes no
    /// lock.
    ///
    /// - Parameter folder: the coordinator's data folder.
    /// - Throws: `LedgerError` `notFound` when there is no ledger in it.
    package static func offline(folder: String, files: any FileStore = DiskFiles()) throws -> (
        findings: [String], notes: [String]
    ) {
        let path = folder + "/ledger.db"
        guard try files.exists(path) else {
            throw LedgerError(.notFound, "\(folder) holds no ledger; give its --data folder")
        }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let found = try queue.read { db in try findings(db) }
            try queue.close()
            return (found, notes())
        } catch let error as DatabaseError {
            throw LedgerError(.inputOutput, "\(path) cannot be read: \(error.message ?? "\(error.resultCode)")")
        }
    }

    static func findings(_ db: Database) throws -> [String] {
        var findings = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
        findings += try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map {
            "a row of \($0[0] as String) refers to nothing"
        }
        // A ledger that no newer program has opened has none of these tables.
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        for query in queries + (version < 15 ? [] : summaries) { findings += try String.fetchAll(db, sql: query) }
        return findings
    }

    static func notes() -> [String] {
        let version = Int(cse_version_number())
        let text = String(cString: cse_version())
        let isFixed =
            version >= 3_051_003 || (3_050_007..<3_051_000).contains(version)
            || (3_044_006..<3_045_000).contains(version)
        guard version >= 3_007_000, !isFixed else { return [] }
        return [
            """
            SQLite \(text) has the WAL-reset bug (fixed in 3.51.3): the coordinator avoids it by writing and checkpointing on one \
            connection; open the ledger with mode=ro only and never checkpoint it from outside
            """
        ]
    }
}
