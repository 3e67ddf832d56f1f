package import GRDB
package import Ports
package import SweepModel

/// A worker as it introduced itself.
package struct WorkerRecord: Equatable, Sendable {
    package var id: WorkerID
    package var name: String
    package var session: String
    package var slots: Int
    package var threads: Int
    package var gpus: Int
    package var memory: UInt64
    package var labels: [String: String]
    package var version: String

    package init(
        id: WorkerID, name: String, session: String, slots: Int, threads: Int, gpus: Int, memory: UInt64,
        labels: [String: String], version: String
    ) {
        self.id = id
        self.name = name
        self.session = session
        self.slots = slots
        self.threads = threads
        self.gpus = gpus
        self.memory = memory
        self.labels = labels
        self.version = version
    }
}

package enum WorkerState: String, Sendable, Codable { case active, draining, quarantined }

/// Notes a worker's start. Releases nothing: its open attempts of earlier sessions are the answer.
package struct RegisterWorker: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        package var leftovers: [AttemptToken]
        package var state: WorkerState
    }

    let worker: WorkerRecord
    let ledgerID: String
    let now: WallTime

    package init(worker: WorkerRecord, ledgerID: String, now: WallTime) {
        self.worker = worker
        self.ledgerID = ledgerID
        self.now = now
    }

    package func run(_ db: Database) throws -> Outcome {
        // Draining ends with the process that was drained; quarantine does not.
        let row = try db.first(
            """
            INSERT INTO worker (id, name, slots, threads, gpus, memory, labels, version, session, first_seen, last_seen)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, slots = excluded.slots, threads = excluded.threads,
                gpus = excluded.gpus, memory = excluded.memory, labels = excluded.labels, version = excluded.version,
                last_seen = excluded.last_seen, session = excluded.session,
                state = CASE WHEN state = 'draining' AND session <> excluded.session THEN 'active' ELSE state END
            RETURNING state
            """,
            [
                worker.id.text, worker.name, worker.slots, worker.threads, worker.gpus, Int64(clamping: worker.memory),
                try LedgerJSON.text(worker.labels), worker.version, worker.session, now.milliseconds, now.milliseconds,
            ])
        let leftovers = try db.all(
            """
            SELECT j.identity, a.number, a.epoch FROM attempt a JOIN job j ON j.id = a.job
            WHERE a.worker = ? AND a.ended IS NULL AND a.session <> ? AND j.attempt = a.number
                AND j.state IN ('running', 'waiting')
            """, [worker.id.text, worker.session])
        try db.note("worker-registered", at: now, worker: worker.id.text, detail: worker.name)
        return Outcome(
            leftovers: try leftovers.map { row in
                AttemptToken(
                    ledger: ledgerID, epoch: row[2], job: try JobID.stored(row[0]), attempt: AttemptNumber(row[1]))
            },
            state: WorkerState(rawValue: row?[0] ?? "active") ?? .active)
    }
}

/// Takes a worker out of work, or back into it. Naturally idempotent.
package struct SetWorkerState: LedgerVerb {
    let worker: String
    let drain: Bool
    let now: WallTime

    /// - Parameter worker: its id, or its name if only one worker has it.
    package init(worker: String, drain: Bool, now: WallTime) {
        self.worker = worker
        self.drain = drain
        self.now = now
    }

    /// - Returns: the worker's id.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func run(_ db: Database) throws -> WorkerID {
        let found = try db.all(
            "SELECT id FROM worker WHERE id = ? OR name = ? ORDER BY (id = ?) DESC LIMIT 3", [worker, worker, worker])
        guard let first = found.first else {
            throw LedgerError(.notFound, "no worker '\(worker)'; `radiata workers` lists them")
        }
        let id: String = first[0]
        guard id == worker || found.count == 1 else {
            throw LedgerError(.ambiguous, "\(found.count) workers are named '\(worker)'; give the id")
        }
        try db.change(
            """
            UPDATE worker SET state = ?, trusted_from = CASE WHEN ? THEN trusted_from ELSE ? END WHERE id = ?
            """, [drain ? "draining" : "active", drain, now.milliseconds, id])
        try db.note(drain ? "worker-draining" : "worker-active", at: now, worker: id)
        return WorkerID(id)
    }
}

/// When workers were last heard from, for people: written lazily, in one go.
package struct NoteWorkersSeen: LedgerVerb {
    let workers: [WorkerID]
    let now: WallTime

    package init(workers: [WorkerID], now: WallTime) {
        self.workers = workers
        self.now = now
    }

    package func run(_ db: Database) throws {
        for worker in workers {
            try db.change("UPDATE worker SET last_seen = ? WHERE id = ?", [now.milliseconds, worker.text])
        }
    }
}
