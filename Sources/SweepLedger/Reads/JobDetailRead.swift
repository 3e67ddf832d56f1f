import GRDB
import RunSpec
package import SweepModel

extension Ledger {
    /// Everything about one job, and what the ledger knows of why it waits.
    ///
    /// - Parameter text: the id, or a prefix of at least eight digits.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func job(_ text: String) async throws -> (detail: JobDetail, wait: WaitingJob?) {
        try await read { db in
            let row = try JobLookup.row(text, db)
            let job = try db.first(
                ListedJob.columns + """
                    FROM job j JOIN member m ON m.job = j.id AND m.sweep = j.sweep JOIN sweep s ON s.id = j.sweep
                    WHERE j.id = ?
                    """, [row])
            guard let job else { throw LedgerError(.inputOutput, "job \(text) belongs to no sweep") }
            let listed = try ListedJob(job)
            let detail = JobDetail(
                job: listed.job,
                sweeps: try db.all(
                    "SELECT s.name FROM member m JOIN sweep s ON s.id = m.sweep WHERE m.job = ? ORDER BY s.id", [row]
                ).map { $0[0] },
                attempts: try attempts(row, db), checkpoints: try checkpoints(row, db),
                latest: try latest(listed.job.id, db),
                events: try db.all("SELECT at, kind, attempt, detail FROM event WHERE job = ? ORDER BY id", [row]).map {
                    JobDetail.Event(at: $0["at"], kind: $0["kind"], attempt: $0["attempt"], detail: $0["detail"])
                }, notices: try notices(row, db), base: try trained("base", row, db), sampling: try sampling(row, db),
                data: try trained("data", row, db), origin: try origin(row, db),
                children: try children(listed.job.id, db)
            )
            return (detail, listed.wait)
        }
    }
}

private func attempts(_ job: Int64, _ db: Database) throws -> [JobDetail.Attempt] {
    try db.all(
        """
        SELECT a.number, coalesce(w.name, g.name, a.worker) AS worker_name, a.started, a.ended, a.outcome, a.failure,
            a.message, a.resumed_step, a.worker, \(measured("max", "system/gpu_memory_mb")) AS gpu_memory,
            \(measured("avg", "system/gpu_utilisation")) AS gpu_utilisation
        FROM attempt a LEFT JOIN worker w ON w.id = a.worker LEFT JOIN forgotten_worker g ON g.worker = a.worker
        WHERE a.job = ? ORDER BY a.number
        """, [job]
    ).map { row in
        JobDetail.Attempt(
            number: row["number"], worker: row["worker_name"], started: row["started"], ended: row["ended"],
            outcome: row["outcome"], failure: row["failure"], message: row["message"],
            resumedStep: row["resumed_step"], workerID: row["worker"], gpuMemory: row["gpu_memory"],
            gpuUtilisation: row["gpu_utilisation"])
    }
}

/// What the worker measured of an attempt's GPUs.
private func measured(_ what: String, _ key: String) -> String {
    """
    (SELECT \(what)(m.value) FROM metric m
        WHERE m.attempt = a.id AND m.key = (SELECT id FROM metric_key WHERE name = '\(key)'))
    """
}

private func checkpoints(_ job: Int64, _ db: Database) throws -> [StoredCheckpoint] {
    try db.all(
        """
        SELECT c.id, c.name, v.number, c.step, c.epoch, v.is_resumed_step
        FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint WHERE v.job = ? ORDER BY c.step, v.number
        """, [job]
    ).map { row in
        let files = try db.all(
            """
            SELECT name, sha256, bytes FROM checkpoint_file WHERE checkpoint = ? AND (kind = 'adapter' OR NOT ?)
            ORDER BY name
            """, [row["id"] as Int64, row["is_resumed_step"] as Bool])
        return StoredCheckpoint(
            name: row["name"], attempt: row["number"], step: row["step"], epoch: row["epoch"],
            files: files.map(BlobFile.init(stored:)))
    }
}

private func notices(_ job: Int64, _ db: Database) throws -> [JobDetail.Notice] {
    try db.all(
        """
        SELECT a.number, n.kind, n.count, n.detail FROM attempt_notice n JOIN attempt a ON a.id = n.attempt
        WHERE a.job = ? ORDER BY a.number, n.kind
        """, [job]
    ).map { JobDetail.Notice(attempt: $0["number"], kind: $0["kind"], count: $0["count"], detail: $0["detail"]) }
}

/// - Parameter key: of the resolved job.
private func trained(_ key: String, _ job: Int64, _ db: Database) throws -> JobDetail.Base? {
    let row = try db.first(
        """
        SELECT json_extract(spec, '$.\(key).path') AS path, json_extract(spec, '$.\(key).digest') AS digest
        FROM job_spec WHERE job = ?
        """, [job])
    guard let row, let path = row["path"] as String?, let digest = row["digest"] as String? else { return nil }
    return JobDetail.Base(path: path, digest: digest)
}

private func origin(_ job: Int64, _ db: Database) throws -> JobDetail.Origin? {
    let row = try db.first(
        "SELECT way, parent, epoch, step, changes, notice FROM job_origin WHERE job = ?", [job])
    guard let row else { return nil }
    let notice: String = row["notice"]
    return JobDetail.Origin(
        way: row["way"], parent: row["parent"], epoch: row["epoch"], step: row["step"],
        changes: try LedgerJSON.value([String: ParameterValue].self, row["changes"]),
        notice: notice.isEmpty ? nil : notice)
}

/// nil for none, as from a coordinator that does not tell.
private func children(_ identity: String, _ db: Database) throws -> [JobDetail.Child]? {
    let all = try db.all(
        "SELECT o.way, j.identity FROM job_origin o JOIN job j ON j.id = o.job WHERE o.parent = ? ORDER BY j.id",
        [identity]
    ).map { JobDetail.Child(way: $0["way"], job: $0["identity"]) }
    return all.isEmpty ? nil : all
}

private func sampling(_ job: Int64, _ db: Database) throws -> JobDetail.Sampling? {
    let row = try db.first(
        """
        SELECT json_extract(spec, '$.evaluation.sampler') AS sampler, json_extract(spec, '$.evaluation.steps') AS steps,
            json_extract(spec, '$.evaluation.guidance') AS guidance
        FROM job_spec WHERE job = ?
        """, [job])
    guard let row, let sampler = row["sampler"] as String?, let steps = row["steps"] as Int?,
        let guidance = row["guidance"] as Double?
    else { return nil }
    return JobDetail.Sampling(sampler: sampler, steps: steps, guidance: guidance)
}

private func latest(_ identity: String, _ db: Database) throws -> [String: Double] {
    var values: [String: Double] = [:]
    for row in try db.all("SELECT key, value FROM latest_metrics WHERE job = ?", [identity]) {
        values[row["key"]] = (row["value"] as Double?) ?? .nan
    }
    return values
}
