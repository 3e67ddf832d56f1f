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
                    var reader = JobRecordReader()
                    for row in changed {
                        records += try db.all(Self.recordColumns + " AND m.job = ?2", [id, row]) {
                            try reader.record($0)
                        }
                    }
                    return JobRecords(
                        mark: newest, total: total, isWhole: false, records: try reader.named(records, db))
                }
            }
            var reader = JobRecordReader()
            var records: [JobRecord] = []
            records.reserveCapacity(total)
            let rows = try Row.fetchCursor(
                db.cachedStatement(sql: Self.recordColumns + " ORDER BY m.job"), arguments: [id])
            while let row = try rows.next() { records.append(try reader.record(row)) }
            return JobRecords(mark: newest, total: total, isWhole: true, records: try reader.named(records, db))
        }
    }

    private static let recordColumns = """
        SELECT m.job, j.identity, m.group_name, j.configuration, j.state, j.seed, j.attempt, j.worker, j.failure,
            substr(j.message, 1, \(longestMessage)), m.parameters, j.created, j.updated, j.priority
        FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ?1
        """

    /// Some jobs of a sweep, for those who cannot wait for all of them. Jobs that evaluate others are left
    /// out.
    ///
    /// - Parameters:
    ///   - offset: how many are passed over, in the order in which they were made.
    ///   - limit: how many are read.
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func jobRecords(sweep: String, offset: Int, limit: Int) async throws -> JobRecords {
        try await read { db in
            guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                throw try SweepNames.unknown(sweep, db)
            }
            var reader = JobRecordReader()
            let records = try db.all(
                Self.recordColumns + """
                     AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
                    ORDER BY m.job LIMIT ?2 OFFSET ?3
                    """, [found[0] as Int64, limit, offset]
            ) { try reader.record($0) }
            return JobRecords(mark: 0, total: records.count, isWhole: false, records: try reader.named(records, db))
        }
    }

    /// Settings of some of a sweep's jobs, from its beginning to its end.
    ///
    /// - Parameter count: of about how many.
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    package func sampledSettings(sweep: String, count: Int) async throws -> [[String: ParameterValue]] {
        try await read { db in
            guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
                throw try SweepNames.unknown(sweep, db)
            }
            let id: Int64 = found[0]
            let ends = try db.first(
                """
                SELECT (SELECT min(job) FROM member WHERE sweep = ?1), (SELECT max(job) FROM member WHERE sweep = ?1)
                """, [id])
            guard let ends, let first = ends[0] as Int64?, let last = ends[1] as Int64? else { return [] }
            let step = max(1, (last - first) / Int64(count))
            var reader = JobRecordReader()
            var settings: [[String: ParameterValue]] = []
            for place in stride(from: first, through: last, by: Int(step)) {
                let row = try db.first(
                    "SELECT parameters FROM member WHERE sweep = ?1 AND job >= ?2 ORDER BY job LIMIT 1", [id, place])
                if let row { settings.append(try reader.parameters(row[0])) }
            }
            return settings
        }
    }

    /// The newest value that counts under a key of a sweep's curves, by the job's row.
    ///
    /// - Parameter jobs: only of these rows.
    /// - Throws: `DatabaseError`.
    package func latestValues(sweep: String, key: String, jobs: [Int64]? = nil) async throws -> [Int64: Double] {
        try await read { db in
            if let jobs {
                return try db.values(
                    """
                    SELECT c.value FROM metric_key k JOIN curve_summary c ON c.key = k.id
                    WHERE k.name = ?2 AND c.job = ?1 AND c.value IS NOT NULL
                    """, of: jobs, [key])
            }
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
    /// - Parameter jobs: only of these rows.
    /// - Throws: `DatabaseError`.
    package func newestResults(
        sweep: String, metric: String, prompts: String, jobs: [Int64]? = nil
    ) async throws -> [Int64: Double] {
        try await read { db in
            let isOwn = try db.first("SELECT 1 FROM own_protocol WHERE sweep = ? LIMIT 1", [sweep]) != nil
            if let jobs, !isOwn {
                return try db.values(
                    """
                    SELECT r.value FROM measure k JOIN result_mean r ON r.measure = k.id
                    WHERE k.metric = ?2 AND k.prompts = ?3 AND r.job = ?1 AND r.value IS NOT NULL
                    ORDER BY r.step DESC LIMIT 1
                    """, of: jobs, [metric, prompts])
            }
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
            let values = Dictionary(rows) { $1 }
            guard let wanted = jobs.map(Set.init) else { return values }
            return values.filter { wanted.contains($0.key) }
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

extension Database {
    /// A value for each of some jobs that has one.
    fileprivate func values(
        _ sql: String, of jobs: [Int64], _ arguments: [any DatabaseValueConvertible]
    ) throws -> [Int64: Double] {
        var values: [Int64: Double] = [:]
        for job in jobs {
            let all: [(any DatabaseValueConvertible)?] = [job] + arguments
            if let row = try first(sql, StatementArguments(all)) { values[job] = row[0] as Double }
        }
        return values
    }
}

/// Reads rows of jobs, of which a ledger may have hundreds of thousands: by place, and what is the same once.
private struct JobRecordReader {
    /// Texts of settings that were read before; the seeds of a configuration share one.
    private var known: [String: [String: ParameterValue]] = [:]
    private var last: (text: String, parameters: [String: ParameterValue])?

    mutating func parameters(_ text: String) throws -> [String: ParameterValue] {
        if let last, last.text == text { return last.parameters }
        let parameters =
            try known[text] ?? FlatJSON.parameters(text) ?? LedgerJSON.value([String: ParameterValue].self, text)
        known[text] = parameters
        last = (text, parameters)
        return parameters
    }

    mutating func record(_ row: Row) throws -> JobRecord {
        JobRecord(
            row: row[0], id: row[1], group: row[2], configuration: row[3], state: row[4], seed: row[5],
            attempts: row[6], worker: row[7], failure: row[8], message: row[9], parameters: try parameters(row[10]),
            created: row[11], updated: row[12], priority: row[13], evaluates: false)
    }

    /// The records with the names of their workers, and with what evaluates marked.
    func named(_ records: [JobRecord], _ db: Database) throws -> [JobRecord] {
        var names: [String: String] = [:]
        for row in try db.all("SELECT worker, name FROM forgotten_worker UNION ALL SELECT id, name FROM worker") {
            names[row[0]] = row[1]
        }
        let isLong = records.count > 1000
        let evaluations: Set<Int64>? =
            isLong ? Set(try db.all("SELECT job FROM evaluation_job", []) { $0[0] as Int64 }) : nil
        return try records.map { record in
            var record = record
            if let worker = record.worker, let name = names[worker] { record.worker = name }
            record.evaluates =
                try evaluations?.contains(record.row)
                ?? (db.first("SELECT 1 FROM evaluation_job WHERE job = ?", [record.row]) != nil)
            return record
        }
    }
}
