package import GRDB
package import Ports

/// Notes blobs whose files are on disk; they stay for the grace period even if nothing refers to them.
package struct AddBlobs: LedgerVerb {
    /// Milliseconds that an unreferenced blob stays after it was last uploaded or asked for.
    package static let graceMilliseconds: Int64 = 24 * 3600 * 1000

    let blobs: [(sha256: String, bytes: Int)]
    let now: WallTime

    package init(blobs: [(sha256: String, bytes: Int)], now: WallTime) {
        self.blobs = blobs
        self.now = now
    }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws {
        for blob in blobs {
            try db.change(
                """
                INSERT INTO blob (sha256, bytes, created, keep_until) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (sha256) DO UPDATE SET
                    keep_until = max(keep_until, excluded.keep_until)
                """
                .mutant("known-blob-not-kept", "max(keep_until, excluded.keep_until)", "keep_until"),
                [blob.sha256, blob.bytes, now.milliseconds, now.milliseconds + Self.graceMilliseconds])
        }
    }
}

/// Which of these are in the store; those are then kept for the grace period.
package struct KeepBlobs: LedgerVerb {
    let sha256: [String]
    let now: WallTime

    package init(sha256: [String], now: WallTime) {
        self.sha256 = sha256
        self.now = now
    }

    /// - Returns: sizes of those that are there, by digest.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for digest in sha256 {
            let row = try db.first(
                "UPDATE blob SET keep_until = max(keep_until, ?) WHERE sha256 = ? RETURNING bytes",
                [now.milliseconds + AddBlobs.graceMilliseconds, digest])
            if let row { found[digest] = row[0] }
        }
        return found
    }
}

/// Forgets blobs that nothing refers to and whose grace is over. Their files are removed after the commit.
package struct CollectBlobs: LedgerVerb {
    let now: WallTime
    let limit: Int
    /// Only these, as a JSON list of digests; nil for all.
    let candidates: String?

    package init(now: WallTime, limit: Int = 1000, candidates: [String]? = nil) {
        self.now = now
        self.limit = limit
        self.candidates = candidates.map { "[" + $0.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
    }

    /// Digests of blobs that could go, for a reader: finding them may take long, and must not hold up the
    /// writer.
    static func candidates(_ db: Database, now: WallTime, limit: Int) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT b.sha256 FROM blob b WHERE \(unwanted) LIMIT ?", arguments: [now.milliseconds, limit])
    }

    private static var unwanted: String {
        """
        b.keep_until < ? AND NOT EXISTS (SELECT 1 FROM checkpoint_file f WHERE f.sha256 = b.sha256)
            AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.sha256 = b.sha256)
            AND NOT EXISTS (SELECT 1 FROM input_file i WHERE i.sha256 = b.sha256)
            AND NOT EXISTS (SELECT 1 FROM origin_file o WHERE o.sha256 = b.sha256)
        """
        .mutant("gc-without-lease", "keep_until < ?", "keep_until < 1e18 + ?")
    }

    /// - Returns: digests and sizes of the blobs that were forgotten.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> [(sha256: String, bytes: Int)] {
        try db.all(
            """
            DELETE FROM blob WHERE sha256 IN (
                SELECT b.sha256 FROM blob b
                WHERE \(Self.unwanted)\(candidates == nil ? "" : " AND b.sha256 IN (SELECT value FROM json_each(?))") LIMIT ?)
            RETURNING sha256, bytes
            """, candidates.map { [now.milliseconds, $0, limit] } ?? [now.milliseconds, limit]
        ).map { ($0["sha256"], $0["bytes"]) }
    }
}
