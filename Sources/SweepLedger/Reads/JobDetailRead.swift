import GRDB

/// Everything about one job.
package struct JobDetailRow: Sendable {
    package struct Attempt: Sendable {
        package var number: Int
        /// Its name.
        package var worker: String
        package var workerID: String
        package var started: Int64
        package var ended: Int64?
        package var outcome: String?
        package var failure: String?
        package var message: String?
        package var resumedStep: Int
    }
    package struct Checkpoint: Sendable {
        package var name: String
        package var attempt: Int
        package var step: Int
        package var epoch: Int
        package var files: [StoredCheckpoint.File]
    }
    package struct Notice: Sendable {
        package var attempt: Int
        package var kind: String
        package var count: Int
        package var detail: String
    }
    package struct Event: Sendable {
        package var at: Int64
        package var kind: String
        package var attempt: Int?
        package var detail: String
    }
    package var job: JobRow
    package var sweeps: [String]
    package var attempts: [Attempt]
    package var checkpoints: [Checkpoint]
    package var latest: [String: Double]
    package var events: [Event]
    package var notices: [Notice]
}

extension Ledger {
    /// - Parameter text: the id, or a prefix of at least eight digits.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func job(_ text: String) async throws -> JobDetailRow {
        try await read { db in
            let row = try JobLookup.row(text, db)
            let job = try db.first(
                JobRow.columns + """
                    FROM job j JOIN member m ON m.job = j.id AND m.sweep = j.sweep JOIN sweep s ON s.id = j.sweep
                    WHERE j.id = ?
                    """, [row])
            guard let job else { throw LedgerError(.inputOutput, "job \(text) belongs to no sweep") }
            let summary = try JobRow(job)
            return JobDetailRow(
                job: summary,
                sweeps: try db.all(
                    "SELECT s.name FROM member m JOIN sweep s ON s.id = m.sweep WHERE m.job = ? ORDER BY s.id", [row]
                ).map { $0[0] },
                attempts: try attempts(row, db), checkpoints: try checkpoints(row, db),
                latest: try latest(summary.id, db),
                events: try db.all("SELECT at, kind, attempt, detail FROM event WHERE job = ? ORDER BY id", [row]).map {
                    JobDetailRow.Event(at: $0[0], kind: $0[1], attempt: $0[2], detail: $0[3])
                },
                notices: try db.all(
                    """
                    SELECT a.number, n.kind, n.count, n.detail FROM attempt_notice n JOIN attempt a ON a.id = n.attempt
                    WHERE a.job = ? ORDER BY a.number, n.kind
                    """, [row]
                ).map { JobDetailRow.Notice(attempt: $0[0], kind: $0[1], count: $0[2], detail: $0[3]) })
        }
    }
}

private func attempts(_ job: Int64, _ db: Database) throws -> [JobDetailRow.Attempt] {
    try db.all(
        """
        SELECT a.number, coalesce(w.name, g.name, a.worker), a.started, a.ended, a.outcome, a.failure, a.message,
            a.resumed_step, a.worker
        FROM attempt a LEFT JOIN worker w ON w.id = a.worker LEFT JOIN forgotten_worker g ON g.worker = a.worker
        WHERE a.job = ? ORDER BY a.number
        """, [job]
    ).map { row in
        JobDetailRow.Attempt(
            number: row[0], worker: row[1], workerID: row[8], started: row[2], ended: row[3], outcome: row[4],
            failure: row[5],
            message: row[6], resumedStep: row[7])
    }
}

private func checkpoints(_ job: Int64, _ db: Database) throws -> [JobDetailRow.Checkpoint] {
    try db.all(
        """
        SELECT c.id, c.name, v.number, c.step, c.epoch, v.is_resumed_step
        FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint WHERE v.job = ? ORDER BY c.step, v.number
        """, [job]
    ).map { row in
        let files = try db.all(
            "SELECT name, sha256, bytes FROM checkpoint_file WHERE checkpoint = ? AND (kind = 'adapter' OR NOT ?) ORDER BY name",
            [row[0] as Int64, row[5] as Bool])
        return JobDetailRow.Checkpoint(
            name: row[1], attempt: row[2], step: row[3], epoch: row[4],
            files: files.map { StoredCheckpoint.File(name: $0[0], sha256: $0[1], bytes: $0[2]) })
    }
}

private func latest(_ identity: String, _ db: Database) throws -> [String: Double] {
    var values: [String: Double] = [:]
    for row in try db.all("SELECT key, value FROM latest_metrics WHERE job = ?", [identity]) {
        values[row[0]] = (row[1] as Double?) ?? .nan
    }
    return values
}
