import GRDB
package import RunSpec
package import SweepModel

/// What the coordinator keeps in memory, as the ledger has it at a start.
package struct LedgerSnapshot: Sendable {
    package struct WaitingJob: Sendable {
        package var job: Int64
        package var identity: JobID
        package var priority: Int
        package var requirements: RequirementSpec
        package var avoid: WorkerID?
        /// Milliseconds since 1970 before which it is not claimed; nil for now.
        package var readyAt: Int64?
    }

    package struct OpenAttempt: Sendable {
        package var job: Int64
        package var token: AttemptToken
        package var session: String
        package var worker: WorkerID
        package var priority: Int
        package var requirements: RequirementSpec
        /// The lease ran out before the restart; the job waits.
        package var isExpired: Bool
        package var isPausing: Bool
    }

    package struct Worker: Sendable {
        package var record: WorkerRecord
        package var state: WorkerState
        /// Milliseconds since 1970 after which it gets a trial job, where it is suspended.
        package var trialAt: Int64?
        /// How long its suspension is at most.
        package var pauseSeconds: Double
        /// It stopped politely and has not come back.
        package var hasLeft: Bool
        package var lastSeen: Int64
        /// Numbers of the exchanges that claimed, newest last.
        package var exchanges: [UInt64]
    }

    package var waiting: [WaitingJob]
    package var open: [OpenAttempt]
    package var workers: [Worker]
}

extension Ledger {
    package func snapshot() async throws -> LedgerSnapshot {
        let ledgerID = id
        return try await read { db in try LedgerSnapshot(db, ledgerID: ledgerID) }
    }

    package func snapshotNow() throws -> LedgerSnapshot { try readNow { db in try LedgerSnapshot(db, ledgerID: id) } }
}

extension LedgerSnapshot {
    init(_ db: Database, ledgerID: String) throws {
        self.init(
            waiting: try Self.waiting(db), open: try Self.open(db, ledgerID: ledgerID), workers: try Self.workers(db))
    }

    /// Decodes requirements once per text: they are the same for all jobs of a sweep.
    private struct RequirementReader {
        var known: [String: RequirementSpec] = [:]
        mutating func read(_ text: String) throws -> RequirementSpec {
            if let spec = known[text] { return spec }
            let spec = try LedgerJSON.value(RequirementSpec.self, text)
            known[text] = spec
            return spec
        }
    }

    fileprivate static func waiting(_ db: Database) throws -> [WaitingJob] {
        var reader = RequirementReader()
        var jobs: [WaitingJob] = []
        let cursor = try Row.fetchCursor(
            db,
            sql: """
                SELECT id, identity, priority, requirements, avoid, ready_at FROM job
                WHERE state = 'waiting' AND NOT \(SweepHold.sql("job.id")) ORDER BY priority DESC, id
                """)
        while let row = try cursor.next() {
            jobs.append(
                WaitingJob(
                    job: row[0], identity: try JobID.stored(row[1]), priority: row[2],
                    requirements: try reader.read(row[3]), avoid: (row[4] as String?).map { WorkerID($0) },
                    readyAt: row[5]))
        }
        return jobs
    }

    fileprivate static func open(_ db: Database, ledgerID: String) throws -> [OpenAttempt] {
        var reader = RequirementReader()
        return try Row.fetchAll(
            db,
            sql: """
                SELECT j.id, j.identity, a.number, a.epoch, s.session, a.worker, j.priority, j.requirements, j.state, j.stop
                FROM attempt a JOIN job j ON j.id = a.job JOIN attempt_session s ON s.attempt = a.id
                WHERE a.ended IS NULL AND j.attempt = a.number AND j.state IN ('running', 'waiting')
                """
        ).map { row in
            OpenAttempt(
                job: row[0],
                token: AttemptToken(
                    ledger: ledgerID, epoch: row[3], job: try JobID.stored(row[1]), attempt: AttemptNumber(row[2])),
                session: row[4], worker: WorkerID(row[5]), priority: row[6], requirements: try reader.read(row[7]),
                isExpired: row[8] == "waiting", isPausing: (row[9] as String?) == "pause")
        }
    }

    fileprivate static func workers(_ db: Database) throws -> [Worker] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT w.*, l.session, c.versions AS core, s.trial_at, s.strikes, EXISTS (
                    SELECT 1 FROM worker_mark m WHERE m.worker = w.id AND m.kind = 'goodbye') AS has_left
                FROM worker w JOIN worker_session l ON l.worker = w.id LEFT JOIN worker_core c ON c.worker = w.id
                LEFT JOIN worker_suspension s ON s.worker = w.id
                """)
        return try rows.map { row in
            let session: String = row["session"]
            let numbers = try Int64.fetchAll(
                db, sql: "SELECT number FROM exchange WHERE session = ? ORDER BY number", arguments: [session])
            return Worker(
                record: WorkerRecord(
                    id: WorkerID(row["id"]), name: row["name"], session: session, slots: row["slots"],
                    threads: row["threads"], gpus: row["gpus"], memory: UInt64(clamping: row["memory"] as Int64),
                    labels: try LedgerJSON.value([String: String].self, row["labels"]), version: row["version"],
                    coreVersions: try (row["core"] as String?).map { try LedgerJSON.value([String].self, $0) }),
                state: WorkerState(rawValue: row["state"]) ?? .active, trialAt: row["trial_at"],
                pauseSeconds: WorkerSuspicion.pause(strikes: (row["strikes"] as Int?) ?? 1),
                hasLeft: row["has_left"], lastSeen: row["last_seen"], exchanges: numbers.map { UInt64(clamping: $0) })
        }
    }
}
