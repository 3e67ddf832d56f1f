package import GRDB
package import Ports
package import SweepModel

/// Finds the worker that a user means.
package enum WorkerLookup {
    /// The id of the worker with this id, with this beginning of an id, or with this name.
    ///
    /// - Throws: `LedgerError` `notFound`, or `ambiguous` with the candidates.
    static func id(_ text: String, _ db: Database) throws -> WorkerID {
        var found = try db.all("SELECT id, name, last_seen FROM worker WHERE id = ?", [text])
        if found.isEmpty {
            found = try db.all("SELECT id, name, last_seen FROM worker WHERE name = ? ORDER BY id LIMIT 11", [text])
        }
        if found.isEmpty, text.utf8.count >= WorkerID.shortestPrefix {
            found = try db.all(
                "SELECT id, name, last_seen FROM worker WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 11",
                [text.count, text])
        }
        guard let first = found.first else {
            throw LedgerError(.notFound, "no worker '\(text.prefix(100))'; `radiata workers` lists them with their ids")
        }
        guard found.count > 1 else { return WorkerID(first["id"]) }
        let list = found.prefix(10).map { row in
            let id: String = row["id"]
            return
                "\(id.prefix(max(WorkerID.shortestPrefix, id == text ? 0 : text.count + 4))) (\(row["name"] as String))"
        }
        throw LedgerError(
            .ambiguous,
            "several workers are meant by '\(text.prefix(100))': \(list.joined(separator: ", "))"
                + "\(found.count > 10 ? " and more" : ""); give the digits of the one you mean")
    }
}

/// Takes a worker out of work, or back into it, whatever it was suspended for. Naturally idempotent.
package struct SetWorkerState: LedgerVerb {
    let worker: String
    let drain: Bool
    let now: WallTime

    /// - Parameter worker: its id, the beginning of it, or its name if only one worker has it.
    package init(worker: String, drain: Bool, now: WallTime) {
        self.worker = worker
        self.drain = drain
        self.now = now
    }

    /// - Returns: the worker's id.
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func run(_ db: Database) throws -> WorkerID {
        let id = try WorkerLookup.id(worker, db)
        try db.change(
            """
            UPDATE worker SET state = ?, trusted_from = CASE WHEN ? THEN trusted_from ELSE ? END WHERE id = ?
            """, [drain ? "draining" : "active", drain, now.milliseconds, id.text])
        if drain {
            try db.change(
                "INSERT INTO worker_mark (worker, kind, at) VALUES (?, 'draining', ?) ON CONFLICT DO NOTHING",
                [id.text, now.milliseconds])
        } else {
            try db.change("DELETE FROM worker_mark WHERE worker = ? AND kind = 'draining'", [id.text])
            _ = try WorkerSuspicion.lift(id, db)
        }
        try db.note(drain ? "worker-draining" : "worker-active", at: now, worker: id.text)
        return id
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

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws {
        for worker in workers {
            try db.change("UPDATE worker SET last_seen = ? WHERE id = ?", [now.milliseconds, worker.text])
        }
    }
}

/// A worker's process ends politely. What it holds still is for the leases to decide.
package struct SayGoodbye: LedgerVerb {
    let worker: WorkerID
    let session: SessionID
    let now: WallTime

    package init(worker: WorkerID, session: SessionID, now: WallTime) {
        self.worker = worker
        self.session = session
        self.now = now
    }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws {
        // A newer process of the same worker may be there already.
        let known = try db.first(
            """
            UPDATE worker SET last_seen = ?1
            WHERE id = ?2 AND EXISTS (SELECT 1 FROM worker_session s WHERE s.worker = ?2 AND s.session = ?3)
            RETURNING id
            """, [now.milliseconds, worker.text, session.rawValue])
        guard known != nil else { return }
        try db.change(
            """
            INSERT INTO worker_mark (worker, kind, at) VALUES (?, 'goodbye', ?)
            ON CONFLICT (worker, kind) DO UPDATE SET at = excluded.at
            """, [worker.text, now.milliseconds])
        try db.note("worker-stopped", at: now, worker: worker.text)
    }
}

/// Removes a worker that is gone. Its name stays in the history of attempts; should it come back, it
/// registers as new.
package struct ForgetWorker: LedgerVerb {
    let worker: String
    /// Those that the coordinator is in touch with.
    let connected: Set<WorkerID>
    let now: WallTime

    package init(worker: String, connected: Set<WorkerID>, now: WallTime) {
        self.worker = worker
        self.connected = connected
        self.now = now
    }

    /// - Returns: the worker's id.
    /// - Throws: `LedgerError` `notFound`, `ambiguous`, or `conflict` while it is connected or holds jobs.
    package func run(_ db: Database) throws -> WorkerID {
        let id = try WorkerLookup.id(worker, db)
        let short = id.text.prefix(WorkerID.shortestPrefix)
        guard !connected.contains(id) else {
            throw LedgerError(.conflict, "worker \(short) is connected; stop it first, then forget it")
        }
        let jobs = try db.all(
            """
            SELECT j.identity FROM attempt a JOIN job j ON j.id = a.job
            WHERE a.worker = ? AND a.ended IS NULL AND j.state = 'running' LIMIT 5
            """, [id.text])
        guard jobs.isEmpty else {
            let ids = jobs.map { String(($0[0] as String).prefix(8)) }.joined(separator: ", ")
            throw LedgerError(
                .conflict, "worker \(short) holds jobs (\(ids)); wait until their leases run out, then forget it")
        }
        try revokeInvited(id, db)
        try Self.forget(id, db, now: now)
        return id
    }

    /// A token that an invitation was exchanged for is this worker's own: it ends with it.
    private func revokeInvited(_ id: WorkerID, _ db: Database) throws {
        try db.change(
            """
            UPDATE token SET revoked = coalesce(revoked, ?2)
            WHERE id = (SELECT token FROM worker_owner WHERE worker = ?1)
                AND EXISTS (SELECT 1 FROM invitation i WHERE i.token = token.id)
                AND NOT EXISTS (SELECT 1 FROM worker_owner o WHERE o.token = token.id AND o.worker <> ?1)
            """, [id.text, now.milliseconds])
    }

    static func forget(_ id: WorkerID, _ db: Database, now: WallTime) throws {
        try db.change(
            """
            INSERT INTO forgotten_worker (worker, name, at) SELECT id, name, ? FROM worker WHERE id = ?
            ON CONFLICT (worker) DO UPDATE SET name = excluded.name, at = excluded.at
            """, [now.milliseconds, id.text])
        for table in ["worker_suspension", "worker_mark", "worker_core", "worker_gpu", "worker_owner"] {
            try db.change("DELETE FROM \(table) WHERE worker = ?", [id.text])
        }
        try db.change("DELETE FROM worker WHERE id = ?", [id.text])
        try db.note("worker-forgotten", at: now, worker: id.text)
    }
}

/// Forgets workers that nobody has heard from for a week.
package struct ForgetDeadWorkers: LedgerVerb {
    package static let days = 7

    let connected: Set<WorkerID>
    let now: WallTime
    /// At most so many at a time: nobody waits behind thousands.
    let limit: Int

    package init(connected: Set<WorkerID>, now: WallTime, limit: Int = 200) {
        self.connected = connected
        self.now = now
        self.limit = limit
    }

    /// - Returns: who was forgotten.
    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> [WorkerID] {
        let dead = try db.all(
            """
            SELECT w.id FROM worker w WHERE w.last_seen < ? AND NOT EXISTS (
                SELECT 1 FROM attempt a JOIN job j ON j.id = a.job
                WHERE a.worker = w.id AND a.ended IS NULL AND j.state = 'running')
            ORDER BY w.last_seen LIMIT ?
            """, [now.milliseconds - Int64(Self.days) * 86_400_000, limit + connected.count]
        ).map { WorkerID($0[0]) }.filter { !connected.contains($0) }.prefix(limit)
        for id in dead { try ForgetWorker.forget(id, db, now: now) }
        return Array(dead)
    }
}
