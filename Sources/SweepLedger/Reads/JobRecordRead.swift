import GRDB
package import RunSpec
package import SweepModel

/// One job of a sweep as a table holds it in memory.
package struct JobRecord: Sendable, Equatable {
    package var row: Int64
    package var id: String
    package var group: String
    package var configuration: Int64
    package var state: String
    package var seed: Int
    package var attempts: Int
    package var worker: String?
    package var failure: String?
    package var message: String?
    package var parameters: [String: ParameterValue]
    package var created: Int64
    package var updated: Int64
    package var priority: Int
    package var evaluates: Bool
}

/// Jobs of a sweep: all of them, or those that changed.
package struct JobRecords: Sendable {
    /// The ledger's last event when they were read: what changes later is noted after it.
    package var mark: Int64
    /// Jobs of the sweep.
    package var total: Int
    /// Whether `records` are all of them.
    package var isWhole: Bool
    package var records: [JobRecord]
}

extension Ledger {
    /// Beyond so many changes everything is read anew.
    private static let mostChanges = 5000
    private static let longestMessage = 400

    /// The jobs of a sweep, in the order in which they were made.
    ///
    /// - Parameters:
    ///   - mark: of an earlier reading: only what changed since, where that is little.
    ///   - known: how many jobs that reading knew.
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func jobRecords(sweep: String, after mark: Int64? = nil, known: Int = 0) async throws -> JobRecords {
        try await read { db in
            guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                throw LedgerError(.notFound, "no sweep '\(sweep)'; `radiata status` lists them")
            }
            let id: Int64 = found[0]
            let newest: Int64 = try db.first("SELECT coalesce(max(id), 0) FROM event")?[0] ?? 0
            let total: Int =
                try db.first("SELECT coalesce(sum(jobs), 0) FROM sweep_count WHERE sweep = ?", [id])?[0] ?? 0
            if let mark, total == known {
                let changed = try db.all(
                    """
                    SELECT DISTINCT e.job FROM event e JOIN member m ON m.job = e.job AND m.sweep = ?1 WHERE e.id > ?2
                    LIMIT ?3
                    """, [id, mark, Self.mostChanges]
                ).map { $0[0] as Int64 }
                if changed.count < Self.mostChanges {
                    var records: [JobRecord] = []
                    var known: [String: [String: ParameterValue]] = [:]
                    for row in changed {
                        records += try db.all(Self.recordColumns + " AND m.job = ?2", [id, row]) {
                            try JobRecord($0, &known)
                        }
                    }
                    return JobRecords(mark: newest, total: total, isWhole: false, records: records)
                }
            }
            var known: [String: [String: ParameterValue]] = [:]
            let records = try db.all(Self.recordColumns + " ORDER BY m.job", [id]) { try JobRecord($0, &known) }
            return JobRecords(mark: newest, total: total, isWhole: true, records: records)
        }
    }

    private static let recordColumns = """
        SELECT m.job, j.identity, m.group_name, j.configuration, j.state, j.seed, j.attempt,
            coalesce((SELECT w.name FROM worker w WHERE w.id = j.worker),
                (SELECT g.name FROM forgotten_worker g WHERE g.worker = j.worker), j.worker) AS worker_name,
            j.failure, substr(j.message, 1, \(longestMessage)) AS message, m.parameters, j.created, j.updated, j.priority,
            EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job) AS evaluates
        FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ?1
        """

    /// The newest value that counts under a key of a sweep's curves, by the job's row.
    ///
    /// - Throws: `DatabaseError`.
    package func latestValues(sweep: String, key: String) async throws -> [Int64: Double] {
        try await read { db in
            let rows = try db.all(
                """
                SELECT m.job, c.value FROM metric_key k JOIN curve_summary c ON c.key = k.id
                JOIN sweep s ON s.name = ?1 JOIN member m ON m.sweep = s.id AND m.job = c.job
                WHERE k.name = ?2 AND c.value IS NOT NULL
                """, [sweep, key]
            ) { ($0[0] as Int64, $0[1] as Double) }
            return Dictionary(rows) { $1 }
        }
    }

    /// What the newest evaluated checkpoint of each job measured, averaged over classes, by the job's row.
    ///
    /// - Throws: `DatabaseError`.
    package func newestResults(sweep: String, metric: String, prompts: String) async throws -> [Int64: Double] {
        try await read { db in
            let isOwn = try db.first("SELECT 1 FROM own_protocol WHERE sweep = ? LIMIT 1", [sweep]) != nil
            let rows = try db.all(
                isOwn
                    ? """
                    SELECT j.id, r.value FROM sweep_results r JOIN job j ON j.identity = r.job
                    WHERE r.sweep = ?1 AND r.class = '' AND r.metric = ?2 AND r.prompts = ?3 AND r.value IS NOT NULL
                    ORDER BY j.id, r.step
                    """
                    : """
                    SELECT m.job, r.value FROM measure k JOIN result_mean r ON r.measure = k.id
                    JOIN sweep s ON s.name = ?1 JOIN member m ON m.sweep = s.id AND m.job = r.job
                    WHERE k.metric = ?2 AND k.prompts = ?3 AND r.value IS NOT NULL ORDER BY m.job, r.step
                    """, [sweep, metric, prompts]
            ) { ($0[0] as Int64, $0[1] as Double) }
            return Dictionary(rows) { $1 }
        }
    }

    /// What the ledger knows of why jobs of these rows wait.
    ///
    /// - Throws: `LedgerError`, `DatabaseError`.
    package func waits(_ rows: [Int64]) async throws -> [Int64: WaitingJob] {
        try await read { db in
            var waits: [Int64: WaitingJob] = [:]
            for row in rows {
                let job = try db.first(
                    ListedJob.columns + """
                        FROM job j JOIN member m ON m.job = j.id AND m.sweep = j.sweep JOIN sweep s ON s.id = j.sweep
                        WHERE j.id = ?
                        """, [row])
                waits[row] = try job.flatMap { try ListedJob($0).wait }
            }
            return waits
        }
    }

    /// The parameters that a job trains with, defaults filled in.
    ///
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func settings(job: String) async throws -> (id: String, seed: Int, parameters: [String: ParameterValue]) {
        try await read { db in
            let row = try JobLookup.row(job, db)
            let found = try db.first(
                """
                SELECT j.identity, j.seed, c.parameters FROM job j JOIN configuration c ON c.id = j.configuration
                WHERE j.id = ?
                """, [row])
            guard let found else { throw LedgerError(.inputOutput, "job \(job) has no configuration") }
            return (
                found["identity"], found["seed"],
                try LedgerJSON.value([String: ParameterValue].self, found["parameters"])
            )
        }
    }
}

extension JobRecord {
    /// - Parameter known: texts of parameters that were read before; the seeds of a configuration share one.
    fileprivate init(_ row: Row, _ known: inout [String: [String: ParameterValue]]) throws {
        let text: String = row["parameters"]
        let parameters =
            try known[text] ?? FlatJSON.parameters(text) ?? LedgerJSON.value([String: ParameterValue].self, text)
        known[text] = parameters
        self.init(
            row: row["job"], id: row["identity"], group: row["group_name"], configuration: row["configuration"],
            state: row["state"], seed: row["seed"], attempts: row["attempt"], worker: row["worker_name"],
            failure: row["failure"], message: row["message"], parameters: parameters, created: row["created"],
            updated: row["updated"], priority: row["priority"], evaluates: row["evaluates"])
    }
}
