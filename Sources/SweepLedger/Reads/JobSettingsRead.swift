import GRDB
package import RunSpec
package import SweepModel

extension Ledger {
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
            var settings: [[String: ParameterValue]] = []
            for place in stride(from: first, through: last, by: Int(step)) {
                let row = try db.first(
                    "SELECT parameters FROM member WHERE sweep = ?1 AND job >= ?2 ORDER BY job LIMIT 1", [id, place])
                guard let text = row?[0] as String? else { continue }
                settings.append(
                    try FlatJSON.parameters(text) ?? LedgerJSON.value([String: ParameterValue].self, text))
            }
            return settings
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
