package import GRDB
package import Ports
package import SweepModel

/// Notes a worker's start. Releases nothing: its open attempts of earlier sessions are the answer.
package struct RegisterWorker: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        package var leftovers: [AttemptToken]
        package var standing: WorkerStanding
    }

    let worker: WorkerRecord
    let ledgerID: String
    let now: WallTime

    package init(worker: WorkerRecord, ledgerID: String, now: WallTime) {
        self.worker = worker
        self.ledgerID = ledgerID
        self.now = now
    }

    /// - Returns: attempts of earlier sessions that are still open, and whether it gets jobs.
    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> Outcome {
        // Draining ends with the process that was drained; a suspension does not.
        let known = try db.first("SELECT session FROM worker_session WHERE worker = ?", [worker.worker.text])
        let isAnotherProcess = known.map { ($0[0] as String) != worker.session.rawValue } ?? false
        let row = try db.first(
            """
            INSERT INTO worker (id, name, slots, threads, gpus, memory, labels, version, first_seen, last_seen)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, slots = excluded.slots, threads = excluded.threads,
                gpus = excluded.gpus, memory = excluded.memory, labels = excluded.labels, version = excluded.version,
                last_seen = excluded.last_seen,
                state = CASE WHEN state = 'draining' AND ?10 THEN 'active' ELSE state END
            RETURNING state
            """,
            [
                worker.worker.text, worker.name, worker.slots, worker.threads, worker.gpus,
                Int64(clamping: worker.memory),
                try LedgerJSON.text(worker.labels), worker.version, now.milliseconds, isAnotherProcess,
            ])
        try db.change(
            """
            INSERT INTO worker_session (worker, session) VALUES (?, ?)
            ON CONFLICT (worker) DO UPDATE SET session = excluded.session
            """, [worker.worker.text, worker.session.rawValue])
        try note(db, isActive: row?[0] == "active")
        let leftovers = try db.all(
            """
            SELECT j.identity, a.number, a.epoch FROM attempt a JOIN job j ON j.id = a.job
            JOIN attempt_session s ON s.attempt = a.id
            WHERE a.worker = ? AND a.ended IS NULL AND s.session <> ? AND j.attempt = a.number
                AND j.state IN ('running', 'waiting')
            """, [worker.worker.text, worker.session.rawValue])
        try db.note("worker-registered", at: now, worker: worker.worker.text, detail: worker.name)
        return Outcome(
            leftovers: try leftovers.map { row in
                AttemptToken(
                    ledger: ledgerID, epoch: row["epoch"], job: try JobID.stored(row["identity"]),
                    attempt: AttemptNumber(row["number"]))
            },
            standing: WorkerStanding(rawValue: row?[0] ?? "active") ?? .active)
    }

    private func note(_ db: Database, isActive: Bool) throws {
        let id = worker.worker.text
        try db.change(
            "DELETE FROM worker_mark WHERE worker = ? AND (kind = 'goodbye' OR ?)", [id, isActive])
        try db.change("DELETE FROM forgotten_worker WHERE worker = ?", [id])
        if let devices = worker.gpuDevices {
            try db.change(
                """
                INSERT INTO worker_gpu (worker, devices, share) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET devices = excluded.devices, share = excluded.share
                """, [id, try LedgerJSON.text(devices), worker.gpuShare ?? 1])
        } else {
            try db.change("DELETE FROM worker_gpu WHERE worker = ?", [id])
        }
        guard let versions = worker.coreVersions else {
            return try db.change("DELETE FROM worker_core WHERE worker = ?", [id])
        }
        try db.change(
            "INSERT INTO worker_core (worker, versions) VALUES (?, ?) ON CONFLICT DO UPDATE SET versions = excluded.versions",
            [id, try LedgerJSON.text(versions)])
    }
}
