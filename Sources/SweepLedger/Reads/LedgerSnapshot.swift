package import GRDB
package import Ports
import RunSpec
package import SweepModel

extension Ledger {
    /// What a coordinator keeps in memory, as the ledger has it now.
    ///
    /// - Parameter wall: the time that delays and silences are counted from.
    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func snapshot(at wall: WallTime) async throws -> LedgerSnapshot {
        let ledgerID = id
        return try await read { db in try LedgerSnapshot(db, ledgerID: ledgerID, at: wall) }
    }

    /// The same with the best of those that wait alone.
    ///
    /// - Parameter most: of those that wait; ``WaitingJobs`` reads the others.
    /// - Throws: as ``snapshot(at:)``.
    package func snapshot(at wall: WallTime, most: Int) async throws -> LedgerSnapshot {
        let ledgerID = id
        return try await read { db in try LedgerSnapshot(db, ledgerID: ledgerID, at: wall, most: most) }
    }

    /// In the caller's time, for the simulator.
    ///
    /// - Throws: as ``snapshot(at:)``.
    package func snapshotNow(at wall: WallTime, most: Int) throws -> LedgerSnapshot {
        try readNow { db in try LedgerSnapshot(db, ledgerID: id, at: wall, most: most) }
    }
}

/// Jobs that wait, best first, a part of them at a time.
///
/// A verb, although it only reads: what it finds then stands in the order of what others change.
package struct WaitingJobs: LedgerVerb {
    /// Nobody waits longer than the longest backoff: the wall clock may have jumped.
    private static let longestDelay = 900.0

    let place: WaitingPart.Place?
    let most: Int
    let now: WallTime

    /// - Parameters:
    ///   - place: nil for the best.
    ///   - most: how many are looked at; those that are held are left out.
    package init(after place: WaitingPart.Place?, most: Int, now: WallTime) {
        self.place = place
        self.most = most
        self.now = now
    }

    /// - Throws: `DatabaseError`.
    package func run(_ db: Database) throws -> WaitingPart {
        var outcome = WaitingPart()
        var seen = 0
        if let place {
            seen = try read("priority = ? AND id > ?", [place.priority, place.row], most, db, &outcome)
            if seen < most { seen += try read("priority < ?", [place.priority], most - seen, db, &outcome) }
        } else {
            seen = try read("1", [], most, db, &outcome)
        }
        if seen < most { outcome.next = nil }
        return outcome
    }

    private func read(
        _ condition: String, _ arguments: StatementArguments, _ most: Int, _ db: Database, _ outcome: inout WaitingPart
    ) throws -> Int {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, identity, priority, requirements, avoid, ready_at, \(JobHold.sql("job.id")) FROM job
                WHERE state = 'waiting' AND \(condition) ORDER BY priority DESC, id LIMIT ?
                """)
        // There may be a million: columns by their number are read twice as fast as by their name.
        let cursor = try Row.fetchCursor(statement, arguments: arguments + [most])
        var seen = 0
        while let row = try cursor.next() {
            seen += 1
            outcome.next = WaitingPart.Place(priority: row[2], row: row[0])
            guard row[6] as Int64 == 0 else { continue }
            do {
                outcome.jobs.append(try change(row))
            } catch let error as LedgerError {
                // One row that another program has spoilt must not keep a million others from their workers.
                outcome.faults.append("nobody gets the job in row \(row[0] as Int64): \(error.message)")
            }
        }
        return seen
    }

    private func change(_ row: Row) throws -> JobChange {
        let readyAt: Int64? = row[5]
        return JobChange(
            row: row[0], job: try JobID.stored(row[1]), state: .waiting, priority: row[2],
            needs: try RequirementSpec.stored(row[3]),
            delaySeconds: min(Self.longestDelay, max(0, Double((readyAt ?? 0) - now.milliseconds) / 1000)),
            avoid: (row[4] as String?).map { WorkerID($0) })
    }
}

extension LedgerSnapshot {
    init(_ db: Database, ledgerID: String, at wall: WallTime, most: Int = .max) throws {
        let best = try WaitingJobs(after: nil, most: most, now: wall).run(db)
        self.init(
            waiting: best.jobs, unread: best.next, open: try Self.open(db, ledgerID: ledgerID),
            workers: try Self.workers(db, wall))
        faults = best.faults
    }

    private static func open(_ db: Database, ledgerID: String) throws -> [OpenAttempt] {
        try db.all(
            """
            SELECT j.id, j.identity, a.number, a.epoch, s.session, a.worker, j.priority, j.requirements, j.state, j.stop,
                EXISTS (SELECT 1 FROM stop_decision d WHERE d.job = j.id) AS is_enough
            FROM attempt a JOIN job j ON j.id = a.job JOIN attempt_session s ON s.attempt = a.id
            WHERE a.ended IS NULL AND j.attempt = a.number AND j.state IN ('running', 'waiting')
            """
        ).map { row in
            let job = try JobID.stored(row["identity"])
            let isExpired = row["state"] == JobState.waiting.rawValue
            return OpenAttempt(
                token: AttemptToken(
                    ledger: ledgerID, epoch: row["epoch"], job: job, attempt: AttemptNumber(row["number"])),
                session: SessionID(rawValue: row["session"]), worker: WorkerID(row["worker"]),
                job: JobChange(
                    row: row["id"], job: job, state: isExpired ? .waiting : .running, priority: row["priority"],
                    needs: try RequirementSpec.stored(row["requirements"])),
                isExpired: isExpired, isPausing: (row["stop"] as String?) == "pause",
                isEnough: row["is_enough"])
        }
    }

    private static func workers(_ db: Database, _ wall: WallTime) throws -> [Worker] {
        let rows = try db.all(
            """
            SELECT w.*, l.session AS newest_session, c.versions AS core, g.devices AS devices, g.share AS share,
                s.trial_at, s.strikes, EXISTS (
                SELECT 1 FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'goodbye') AS has_left
            FROM worker w JOIN worker_session l ON l.worker = w.id LEFT JOIN worker_core c ON c.worker = w.id
            LEFT JOIN worker_gpu g ON g.worker = w.id
            LEFT JOIN worker_suspension s ON s.worker = w.id
            """)
        return try rows.map { row in
            let session = SessionID(rawValue: row["newest_session"])
            let numbers = try db.all(
                "SELECT number FROM exchange WHERE session = ? ORDER BY number", [session.rawValue])
            let trialAt: Int64? = row["trial_at"]
            let pause = WorkerSuspicion.pause(strikes: (row["strikes"] as Int?) ?? 1)
            return Worker(
                record: WorkerRecord(
                    worker: WorkerID(row["id"]), name: row["name"], session: session, slots: row["slots"],
                    threads: row["threads"], labels: try LedgerJSON.value([String: String].self, row["labels"]),
                    gpus: row["gpus"], memory: UInt64(clamping: row["memory"] as Int64), version: row["version"],
                    coreVersions: try (row["core"] as String?).map { try LedgerJSON.value([String].self, $0) },
                    gpuDevices: try (row["devices"] as String?).map { try LedgerJSON.value([GPUDevice].self, $0) },
                    gpuShare: row["share"]),
                standing: WorkerStanding(rawValue: row["state"]) ?? .active,
                exchanges: numbers.map { UInt64(clamping: $0[0] as Int64) },
                // The wall clock may have jumped: nobody is suspended longer than their pause.
                trialInSeconds: trialAt.map { min(pause, max(0, Double($0 - wall.milliseconds) / 1000)) },
                silentSeconds: Double(wall.milliseconds - (row["last_seen"] as Int64)) / 1000,
                hasLeft: row["has_left"])
        }
    }
}
