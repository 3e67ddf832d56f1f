import GRDB
package import RunSpec

/// A job of a sweep, with one of its results if it has any.
package struct ExportRow: Sendable {
    package var job: String
    package var configuration: Int64
    package var group: String
    package var seed: Int
    package var state: String
    package var parameters: [String: ParameterValue]
    /// The newest value of each curve; NaN where there is no number.
    package var latest: [String: Double]
    package var result: EvaluationRow?
}

/// What a sweep's rows are made of, before the first of them.
package struct ExportHead: Sendable, Equatable {
    package var sweep: Int64
    /// Names of parameters, sorted.
    package var parameters: [String]
    /// Keys of curves, sorted.
    package var keys: [String]
}

extension Ledger {
    /// - Throws: `LedgerError` `notFound`.
    package func exportHead(sweep name: String) async throws -> ExportHead {
        try await read { db in
            guard let sweep = try db.first("SELECT id FROM sweep WHERE name = ?", [name]) else {
                throw try SweepNames.unknown(name, db)
            }
            let id: Int64 = sweep[0]
            let parameters = try db.all(
                "SELECT DISTINCT e.key FROM member m, json_each(m.parameters) e WHERE m.sweep = ?", [id])
            return ExportHead(
                sweep: id, parameters: parameters.map { $0[0] }.sorted(), keys: try CurveRead.keys(ofSweep: id, db))
        }
    }

    /// Some of a sweep's jobs with all their results, in the order of the jobs; a job without results is one
    /// row.
    ///
    /// - Parameter after: row of the last job there was; 0 at the beginning.
    /// - Returns: rows, and where to go on; nil at the end.
    /// - Throws: `DatabaseError`; `LedgerError` for parameters that cannot be read.
    package func exportPage(
        sweep: Int64, after: Int64, jobs count: Int
    ) async throws -> (rows: [ExportRow], next: Int64?) {
        try await read { db in
            let jobs = try db.all(
                """
                SELECT j.identity, j.configuration, m.group_name, j.seed, j.state, m.parameters, j.id AS row
                FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = ? AND m.job > ? ORDER BY m.job LIMIT ?
                """, [sweep, after, count])
            let own = try Set(
                String.fetchAll(
                    db, sql: "SELECT o.job FROM own_protocol o JOIN sweep s ON s.name = o.sweep WHERE s.id = ?",
                    arguments: [sweep]))
            let rows = try jobs.flatMap { row -> [ExportRow] in
                let job = ExportRow(
                    job: row["identity"], configuration: row["configuration"], group: row["group_name"],
                    seed: row["seed"], state: row["state"],
                    parameters: try LedgerJSON.value([String: ParameterValue].self, row["parameters"]),
                    latest: try CurveRead.latest(ofJob: row["row"], db))
                let place =
                    own.contains(job.job)
                    ? "visible_protocol_result r JOIN sweep s ON s.name = r.sweep WHERE s.id = ?2 AND r.job = ?1"
                    : "results r WHERE r.job = ?1 AND ?2 > 0"
                let results = try db.all(
                    """
                    SELECT r.checkpoint, r.epoch, r.step, r.class, r.prompts, r.metric, r.value, r.n FROM \(place)
                    ORDER BY r.step, r.checkpoint, r.prompts, r.class, r.metric
                    """, [job.job, sweep])
                guard !results.isEmpty else { return [job] }
                return results.map { found in
                    var line = job
                    line.result = EvaluationRow(
                        checkpoint: found["checkpoint"], epoch: found["epoch"], step: found["step"],
                        class: found["class"], prompts: found["prompts"], metric: found["metric"],
                        value: found["value"], n: found["n"])
                    return line
                }
            }
            return (rows, jobs.count < count ? nil : jobs.last?["row"])
        }
    }
}

/// Curves by the order of their index: a lookup a key instead of a pass over all points.
enum CurveRead {
    /// Every key that an attempt has, found by skipping from one to the next.
    private static func skipping(_ attempts: String) -> String {
        """
        WITH RECURSIVE k(attempt, number, low, high, key) AS (
            SELECT p.attempt, p.number, p.low, p.high,
                (SELECT min(m.key) FROM metric m WHERE m.attempt = p.attempt) FROM \(attempts)
            UNION ALL
            SELECT k.attempt, k.number, k.low, k.high,
                (SELECT min(m.key) FROM metric m WHERE m.attempt = k.attempt AND m.key > k.key) FROM k
            WHERE k.key IS NOT NULL)
        """
    }

    static func keys(ofSweep sweep: Int64, _ db: Database) throws -> [String] {
        try db.all(
            skipping("member b JOIN span p ON p.job = b.job WHERE b.sweep = ?") + """
                 SELECT DISTINCT n.name FROM k JOIN metric_key n ON n.id = k.key
                """, [sweep]
        ).map { $0[0] as String }.sorted()
    }

    /// What the view `latest_metrics` has of one job.
    static func latest(ofJob job: Int64, _ db: Database) throws -> [String: Double] {
        // Of several points at the newest step that of the first attempt counts: the last one here.
        let rows = try db.all(
            skipping("span p WHERE p.job = ?") + """
                 SELECT n.name, m.value FROM k JOIN metric_key n ON n.id = k.key
                JOIN metric m ON m.attempt = k.attempt AND m.key = k.key AND m.step = (
                    SELECT max(e.step) FROM metric e WHERE e.attempt = k.attempt AND e.key = k.key AND e.step <= k.high)
                WHERE m.step >= k.low ORDER BY m.step, k.number DESC
                """, [job])
        return Dictionary(rows.map { ($0["name"] as String, ($0["value"] as Double?) ?? .nan) }) { _, last in last }
    }
}
