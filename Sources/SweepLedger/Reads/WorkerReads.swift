import GRDB
package import SweepModel

extension Ledger {
    /// Workers by their names, as the ledger knows them; whether they are silent is for the caller to say.
    ///
    /// - Throws: `DatabaseError`; `LedgerError` for a text that cannot be read.
    package func workers() async throws -> [ListedWorker] {
        try await read { db in
            let running = Dictionary(
                grouping: try db.all(
                    """
                    SELECT a.worker, j.identity FROM attempt a JOIN job j ON j.id = a.job
                    WHERE a.ended IS NULL AND j.state = 'running' ORDER BY a.id
                    """)
            ) { $0["worker"] as String }
            let sql = """
                SELECT w.*, c.versions AS core, g.devices AS devices, g.share AS share, s.since AS suspended_since, s.reason AS suspension,
                    (SELECT at FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'goodbye') AS goodbye,
                    (SELECT at FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'draining') AS drained
                FROM worker w LEFT JOIN worker_core c ON c.worker = w.id LEFT JOIN worker_gpu g ON g.worker = w.id
                LEFT JOIN worker_suspension s ON s.worker = w.id ORDER BY w.name, w.id
                """
            return try db.all(sql).map { row in
                let id: String = row["id"]
                let versions = try (row["core"] as String?).map { try LedgerJSON.value([String].self, $0) }
                let suspended: Int64? = row["suspended_since"]
                let jobs: [String] = (running[id] ?? []).map { $0["identity"] }
                return ListedWorker(
                    worker: WorkerSummary(
                        id: id, name: row["name"], state: "connected", slots: row["slots"], busy: jobs.count,
                        labels: try LedgerJSON.value([String: String].self, row["labels"]), gpus: row["gpus"],
                        lastSeen: row["last_seen"], jobs: jobs, memory: row["memory"],
                        coreVersions: versions ?? CoreVersions.unnamed,
                        gpuDevices: try (row["devices"] as String?).map { try LedgerJSON.value([GPUDevice].self, $0) },
                        gpuShare: row["share"]),
                    standing: WorkerStanding(rawValue: row["state"]) ?? .active, saidGoodbye: row["goodbye"],
                    drainedAt: row["drained"],
                    suspension: suspended.map { .init(since: $0, reason: row["suspension"] ?? "") })
            }
        }
    }
}
