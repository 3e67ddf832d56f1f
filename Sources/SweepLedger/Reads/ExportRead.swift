import GRDB
package import RunSpec

/// A job of a sweep, with one of its results if it has any.
package struct ExportRow: Sendable {
    package struct Result: Sendable {
        package var checkpoint: String
        package var epoch: Int
        package var step: Int
        package var `class`: String
        package var prompts: String
        package var metric: String
        package var value: Double?
        package var n: Int
    }

    package var job: String
    package var configuration: Int64
    package var group: String
    package var seed: Int
    package var state: String
    package var parameters: [String: ParameterValue]
    package var result: Result?
}

extension Ledger {
    /// All results of a sweep's jobs, in the order of the jobs; a job without results is one row.
    ///
    /// - Throws: `LedgerError` `notFound`.
    package func export(sweep name: String) async throws -> [ExportRow] {
        try await read { db in
            guard let sweep = try db.first("SELECT id FROM sweep WHERE name = ?", [name]) else {
                throw LedgerError(.notFound, "no sweep '\(name)'; `radiata status` lists them")
            }
            let jobs = try db.all(
                """
                SELECT j.identity, j.configuration, m.group_name, j.seed, j.state, m.parameters
                FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ? ORDER BY m.job
                """, [sweep[0] as Int64])
            return try jobs.flatMap { row -> [ExportRow] in
                let job = ExportRow(
                    job: row[0], configuration: row[1], group: row[2], seed: row[3], state: row[4],
                    parameters: try LedgerJSON.value([String: ParameterValue].self, row[5]))
                let results = try db.all(
                    """
                    SELECT checkpoint, epoch, step, class, prompts, metric, value, n FROM results
                    WHERE job = ? ORDER BY step, checkpoint, prompts, class, metric
                    """, [job.job])
                guard !results.isEmpty else { return [job] }
                return results.map { found in
                    var line = job
                    line.result = ExportRow.Result(
                        checkpoint: found[0], epoch: found[1], step: found[2], class: found[3], prompts: found[4],
                        metric: found[5], value: found[6], n: found[7])
                    return line
                }
            }
        }
    }
}
