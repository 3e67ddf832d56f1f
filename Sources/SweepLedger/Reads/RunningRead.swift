import GRDB
import RunSpec
package import SweepModel

extension Ledger {
    /// The attempts that run now, in the order in which they began.
    ///
    /// - Parameters:
    ///   - sweep: only of this one; of all, each under the sweep that first launched it.
    ///   - limit: most of them.
    /// - Throws: `DatabaseError`; `LedgerError` `inputOutput` for a text that cannot be read.
    package func running(sweep: String?, limit: Int) async throws -> [RunningJob] {
        try await read { db in
            try db.all(
                """
                SELECT j.identity, s.name AS sweep_name, coalesce(w.name, a.worker) AS worker_name, a.worker, a.number,
                    j.seed, m.parameters, a.started,
                    CASE WHEN EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = j.id) THEN 'evaluate'
                        WHEN EXISTS (SELECT 1 FROM prepare_job p WHERE p.job = j.id) THEN 'prepare'
                        WHEN EXISTS (SELECT 1 FROM edit_job d WHERE d.job = j.id) THEN 'edit' END AS kind
                FROM job j JOIN attempt a ON a.job = j.id AND a.number = j.attempt AND a.ended IS NULL
                JOIN sweep s ON (?1 IS NULL AND s.id = j.sweep) OR s.name = ?1
                JOIN member m ON m.sweep = s.id AND m.job = j.id LEFT JOIN worker w ON w.id = a.worker
                WHERE j.state = 'running' ORDER BY a.id LIMIT ?2
                """, [sweep, limit]
            ).map { row in
                RunningJob(
                    id: row["identity"], sweep: row["sweep_name"], worker: row["worker_name"], workerID: row["worker"],
                    attempt: row["number"], seed: row["seed"],
                    parameters: try LedgerJSON.value([String: ParameterValue].self, row["parameters"]),
                    started: row["started"], kind: row["kind"])
            }
        }
    }
}
