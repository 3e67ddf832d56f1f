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
    /// Why it stopped itself, and when; nil if it did not.
    package var stopReason: String?
    package var stoppedAt: Int64?
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
    /// Its id.
    package var workerID: String?
    /// For one that has not ended: what decides when it goes on.
    package var wait: WaitRow?
}

/// What the ledger knows of why a job waits.
package struct WaitRow: Sendable, Equatable {
    /// Row of the job.
    package var row: Int64
    package var requirements: RequirementSpec
    package var readyAt: Int64?
    package var avoid: String?
    /// The sweep that was stopped, and why, where it holds the job.
    package var heldBy: String?
    package var holdReason: String?
}

package struct WorkerRow: Sendable, Equatable {
    package var id: String
    package var name: String
    package var state: String
    package var slots: Int
    package var gpus: Int
    package var labels: [String: String]
    package var memory: Int64
    package var coreVersions: [String]
    package var registered: Int64
    package var lastSeen: Int64
    /// Ids of the jobs it runs.
    package var jobs: [String]
    package var saidGoodbye: Int64?
    package var drainedAt: Int64?
    package var suspension: Suspension?

    package struct Suspension: Sendable, Equatable {
        package var since: Int64
        package var reason: String
    }
}

extension Ledger {
    /// All sweeps, or the one of this name.
    package func sweeps(named name: String? = nil) async throws -> [SweepRow] {
        try await read { db in
            let rows = try db.all(
                """
                SELECT s.*, p.reason AS stop_reason, p.at AS stopped_at
                FROM sweep s LEFT JOIN sweep_stop p ON p.sweep = s.id WHERE ?1 IS NULL OR s.name = ?1 ORDER BY s.id
                """, [name])
            return try rows.map { row in
                let id: Int64 = row["id"]
                let counts = try db.all("SELECT state, jobs FROM sweep_count WHERE sweep = ? AND jobs > 0", [id])
                return SweepRow(
                    name: row["name"], state: row["state"], created: row["created"], priority: row["priority"],
                    configurations: row["configurations"], checkpoints: row["checkpoints"],
                    states: Dictionary(counts.map { ($0[0] as String, $0[1] as Int) }, uniquingKeysWith: { $1 }),
                    stopReason: row["stop_reason"], stoppedAt: row["stopped_at"])
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
            let sql = """
                SELECT w.*, c.versions AS core, s.since AS suspended_since, s.reason AS suspension,
                    (SELECT at FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'goodbye') AS goodbye,
                    (SELECT at FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'draining') AS drained
                FROM worker w LEFT JOIN worker_core c ON c.worker = w.id
                LEFT JOIN worker_suspension s ON s.worker = w.id ORDER BY w.name, w.id
                """
            return try db.all(sql).map { row in
                let id: String = row["id"]
                let versions = try (row["core"] as String?).map { try LedgerJSON.value([String].self, $0) }
                let suspended: Int64? = row["suspended_since"]
                return WorkerRow(
                    id: id, name: row["name"], state: row["state"], slots: row["slots"], gpus: row["gpus"],
                    labels: try LedgerJSON.value([String: String].self, row["labels"]), memory: row["memory"],
                    coreVersions: versions ?? CoreVersions.unnamed, registered: row["first_seen"],
                    lastSeen: row["last_seen"], jobs: (running[id] ?? []).map { $0[1] }, saidGoodbye: row["goodbye"],
                    drainedAt: row["drained"],
                    suspension: suspended.map { WorkerRow.Suspension(since: $0, reason: row["suspension"] ?? "") })
            }
        }
    }

    /// Jobs that have not ended, those that wait first.
    ///
    /// - Parameter sweep: only of this one.
    package func unfinishedJobs(sweep: String?, limit: Int) async throws -> [JobRow] {
        try await read { db in
            var rows: [JobRow] = []
            let row: Int64? = try sweep.flatMap { try db.first("SELECT id FROM sweep WHERE name = ?", [$0])?[0] }
            if sweep != nil, row == nil { return [] }
            let counts: [String: Int] = Dictionary(
                try db.all("SELECT state, sum(jobs) FROM sweep_count WHERE ?1 IS NULL OR sweep = ?1 GROUP BY 1", [row])
                    .map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
            for state in ["waiting", "running", "paused"] where rows.count < limit && counts[state] ?? 0 > 0 {
                // The text of the state stands in the query, so that the index of this state serves.
                rows += try db.all(
                    JobRow.columns + """
                        FROM job j JOIN sweep s ON s.id = coalesce(?1, j.sweep)
                        JOIN member m ON m.sweep = s.id AND m.job = j.id
                        WHERE j.state = '\(state)' ORDER BY \(state == "waiting" ? "j.priority DESC, j.id" : "j.id") LIMIT ?2
                        """, [row, limit - rows.count]
                ).map(JobRow.init)
            }
            return rows
        }
    }

    package func tokens() async throws -> [TokenRecord] { try await read { db in try Self.tokens(db) } }

    /// In the caller's time, for the simulator.
    package func tokensNow() throws -> [TokenRecord] { try readNow { db in try Self.tokens(db) } }

    private static func tokens(_ db: Database) throws -> [TokenRecord] {
        try db.all(
            """
            SELECT t.id, h.hash, t.scope, t.note, t.created, t.expires, t.revoked
            FROM token t JOIN token_hash h ON h.token = t.id ORDER BY t.created
            """
        ).map { row in
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
        attempt: Int, start: Int64, text: String, end: Int64, isOver: Bool, line: String?
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
                return (0, offset, "", offset, false, nil)
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
            let line = try db.first("SELECT text FROM log_line WHERE attempt = ?", [found[0] as Int64])
            return (found[1], start, text, found[2], (found[3] as Int64?) != nil, line?[0])
        }
    }
}

extension JobRow {
    static let columns = """
        SELECT j.identity, s.name, m.group_name, j.configuration, j.state, j.seed, j.attempt,
            coalesce((SELECT w.name FROM worker w WHERE w.id = j.worker),
                (SELECT g.name FROM forgotten_worker g WHERE g.worker = j.worker), j.worker), j.failure, j.message,
            m.parameters, j.created, j.updated, j.worker, j.id, j.requirements, j.ready_at, j.avoid,
            \(stop("hs.name")), \(stop("hp.reason"))

        """

    /// Something of the stopped sweep that holds the job.
    private static func stop(_ column: String) -> String {
        """
        CASE WHEN j.state = 'waiting' AND \(SweepHold.sql("j.id")) THEN (
            SELECT \(column) FROM member hm JOIN sweep_stop hp ON hp.sweep = hm.sweep JOIN sweep hs ON hs.id = hm.sweep
            WHERE hm.job = j.id ORDER BY hs.id LIMIT 1) END
        """
    }

    init(_ row: Row) throws {
        let state: String = row[4]
        let hasEnded = JobState(rawValue: state)?.isFinished ?? true
        self.init(
            id: row[0], sweep: row[1], group: row[2], configuration: row[3], state: state, seed: row[5],
            attempts: row[6],
            worker: row[7], failure: row[8], message: row[9],
            parameters: try LedgerJSON.value([String: ParameterValue].self, row[10]), created: row[11],
            updated: row[12], workerID: row[13],
            wait: hasEnded
                ? nil
                : WaitRow(
                    row: row[14], requirements: try LedgerJSON.value(RequirementSpec.self, row[15]), readyAt: row[16],
                    avoid: row[17], heldBy: row[18], holdReason: row[19]))
    }
}
