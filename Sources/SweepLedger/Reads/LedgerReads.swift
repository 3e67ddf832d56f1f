import GRDB
package import RunSpec
import SweepModel

/// A sweep for lists.
package struct SweepRow: Sendable, Equatable {
    package var name: String
    package var state: String
    package var created: Int64
    package var priority: Int
    package var configurations: Int
    package var checkpoints: Int
    /// Jobs by state.
    package var states: [String: Int]
}

package struct JobRow: Sendable, Equatable {
    package var id: String
    package var sweep: String
    package var group: String
    package var configuration: Int64
    package var state: String
    package var seed: Int
    package var attempts: Int
    /// Its name.
    package var worker: String?
    package var failure: String?
    package var message: String?
    /// What the sweep file set.
    package var parameters: [String: ParameterValue]
    package var created: Int64
    package var updated: Int64
}

package struct WorkerRow: Sendable, Equatable {
    package var id: String
    package var name: String
    package var state: String
    package var slots: Int
    package var gpus: Int
    package var labels: [String: String]
    package var lastSeen: Int64
    /// Ids of the jobs it runs.
    package var jobs: [String]
}

extension Ledger {
    /// All sweeps, or the one of this name.
    package func sweeps(named name: String? = nil) async throws -> [SweepRow] {
        try await read { db in
            let rows = try db.all(
                "SELECT * FROM sweep WHERE ?1 IS NULL OR name = ?1 ORDER BY id", [name])
            return try rows.map { row in
                let id: Int64 = row["id"]
                let counts = try db.all("SELECT state, jobs FROM sweep_count WHERE sweep = ? AND jobs > 0", [id])
                return SweepRow(
                    name: row["name"], state: row["state"], created: row["created"], priority: row["priority"],
                    configurations: row["configurations"], checkpoints: row["checkpoints"],
                    states: Dictionary(counts.map { ($0[0] as String, $0[1] as Int) }, uniquingKeysWith: { $1 }))
            }
        }
    }

    /// Jobs of a sweep (through `members`) or of all, in the order they were made.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep or page mark.
    package func jobs(sweep: String?, state: String?, limit: Int, after: String?) async throws -> [JobRow] {
        try await read { db in
            var afterRow: Int64 = 0
            if let after { afterRow = try JobLookup.row(after, db) }
            if let sweep {
                guard let known = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                    throw LedgerError(.notFound, "no sweep '\(sweep)'; `radiata status` lists them")
                }
                return try db.all(
                    JobRow.columns + """
                        FROM member m JOIN job j ON j.id = m.job JOIN sweep s ON s.id = m.sweep
                        WHERE m.sweep = ?1 AND m.job > ?2 AND (?3 IS NULL OR j.state = ?3) ORDER BY m.job LIMIT ?4
                        """, [known[0] as Int64, afterRow, state, limit]
                ).map(JobRow.init)
            }
            return try db.all(
                JobRow.columns + """
                    FROM job j JOIN member m ON m.job = j.id AND m.sweep = j.sweep JOIN sweep s ON s.id = j.sweep
                    WHERE j.id > ?1 AND (?2 IS NULL OR j.state = ?2) ORDER BY j.id LIMIT ?3
                    """, [afterRow, state, limit]
            ).map(JobRow.init)
        }
    }

    package func workers() async throws -> [WorkerRow] {
        try await read { db in
            let running = Dictionary(
                grouping: try db.all(
                    """
                    SELECT a.worker, j.identity FROM attempt a JOIN job j ON j.id = a.job
                    WHERE a.ended IS NULL AND j.state = 'running' ORDER BY a.id
                    """)
            ) { $0[0] as String }
            return try db.all("SELECT * FROM worker ORDER BY name, id").map { row in
                let id: String = row["id"]
                return WorkerRow(
                    id: id, name: row["name"], state: row["state"], slots: row["slots"], gpus: row["gpus"],
                    labels: try LedgerJSON.value([String: String].self, row["labels"]), lastSeen: row["last_seen"],
                    jobs: (running[id] ?? []).map { $0[1] })
            }
        }
    }

    package func tokens() async throws -> [TokenRecord] { try await read { db in try Self.tokens(db) } }

    /// In the caller's time, for the simulator.
    package func tokensNow() throws -> [TokenRecord] { try readNow { db in try Self.tokens(db) } }

    private static func tokens(_ db: Database) throws -> [TokenRecord] {
        try db.all("SELECT id, hash, scope, note, created, expires, revoked FROM token ORDER BY created").map { row in
            TokenRecord(
                id: row[0], hash: row[1], scope: row[2], note: row[3], created: row[4], expires: row[5],
                revoked: row[6])
        }
    }

    /// Digests of the input's files that are not in the blob store; throws `notFound` for an unknown input.
    package func inputFiles(_ digest: String) async throws -> (
        name: String, isFolder: Bool, files: [(path: String, sha256: String, bytes: Int)]
    ) {
        try await read { db in
            guard let row = try db.first("SELECT name, is_folder FROM input WHERE digest = ?", [digest]) else {
                throw LedgerError(.notFound, "no input \(digest) was launched here")
            }
            let files = try db.all("SELECT path, sha256, bytes FROM input_file WHERE input = ? ORDER BY path", [digest])
            return (row[0], row[1], files.map { ($0[0], $0[1], $0[2]) })
        }
    }

    /// Log text of a job's attempt (the newest by default) from an offset, at most 1 MiB.
    package func log(job: String, attempt: Int?, offset: Int64) async throws -> (
        attempt: Int, start: Int64, text: String, end: Int64, isOver: Bool
    ) {
        try await read { db in
            let row = try JobLookup.row(job, db)
            let found = try db.first(
                """
                SELECT a.id, a.number, a.log_end, a.ended FROM attempt a
                WHERE a.job = ?1 AND (?2 IS NULL OR a.number = ?2) ORDER BY a.number DESC LIMIT 1
                """, [row, attempt])
            guard let found else {
                if attempt != nil { throw LedgerError(.notFound, "job \(job) has no attempt \(attempt ?? 0)") }
                return (0, offset, "", offset, false)
            }
            let parts = try db.all(
                "SELECT start, text FROM log_text WHERE attempt = ? AND start + bytes > ? ORDER BY start",
                [found[0] as Int64, offset])
            var text = ""
            var start = offset
            for (index, part) in parts.enumerated() {
                let from: Int64 = part[0]
                let bytes = Array((part[1] as String).utf8)
                if index == 0 { start = max(offset, from) }
                text += String(decoding: bytes[Int(max(0, start - from))...], as: UTF8.self)
            }
            return (found[1], start, text, found[2], (found[3] as Int64?) != nil)
        }
    }
}

extension JobRow {
    static let columns = """
        SELECT j.identity, s.name, m.group_name, j.configuration, j.state, j.seed, j.attempt,
            coalesce((SELECT w.name FROM worker w WHERE w.id = j.worker), j.worker), j.failure, j.message,
            m.parameters, j.created, j.updated

        """

    init(_ row: Row) throws {
        self.init(
            id: row[0], sweep: row[1], group: row[2], configuration: row[3], state: row[4], seed: row[5],
            attempts: row[6],
            worker: row[7], failure: row[8], message: row[9],
            parameters: try LedgerJSON.value([String: ParameterValue].self, row[10]), created: row[11], updated: row[12]
        )
    }
}
