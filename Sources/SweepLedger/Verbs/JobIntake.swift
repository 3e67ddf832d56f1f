import CSQLiteExtras
import GRDB
import Ports
import RunSpec
import SweepModel

/// Adds jobs to a sweep, in one transaction: what is the same for all of them is asked once, and what sums
/// up its members is brought up to date once, in ``finish()``.
struct JobIntake {
    let sweep: Int64
    let wasStopped: Bool
    let now: WallTime
    let db: Database
    private let isAnyStopped: Bool
    let isMany: Bool
    let isAnyRemoved: Bool
    /// The configuration of the last job: jobs come by configuration.
    private var configuration: (digest: ConfigurationID, row: Int64)?
    /// Memory that jobs of a class were seen to use; nil for none yet.
    private var expected: [String: Int?] = [:]
    /// Jobs that are not members yet although they were added.
    var joining: [Joining] = []

    typealias Joining = (row: Int64, group: String, given: String)

    /// - Parameters:
    ///   - wasStopped: the sweep was, and goes on with this launch.
    ///   - isMany: for many jobs at once: then ``finish()`` has to follow the last.
    /// - Throws: `DatabaseError`.
    init(
        _ sweep: Int64, wasStopped: Bool = false, isMany: Bool = false, now: WallTime, _ db: Database
    ) throws {
        self.sweep = sweep
        self.wasStopped = wasStopped
        self.now = now
        self.db = db
        isAnyStopped = try SweepHold.isAnyStopped(db)
        // Where a sweep is stopped, whether a job is held depends on whose member it is already.
        self.isMany = isMany && !isAnyStopped
        isAnyRemoved = try db.first("SELECT 1 FROM removed_job LIMIT 1") != nil
    }

    /// Adds a job, or wakes what another sweep had put aside.
    ///
    /// - Returns: its row, and whether it was not there.
    /// - Throws: `DatabaseError`; `LedgerError`.
    @discardableResult
    mutating func add(_ job: LaunchJob, _ outcome: inout LaunchSweep.Outcome) throws -> (row: Int64, isNew: Bool) {
        for preparation in job.preparations { try add(preparation, &outcome) }
        if let (id, needs) = try insert(job) {
            try join([(id, job.group, job.given)])
            outcome.added += 1
            outcome.changes.append(
                JobChange(
                    row: id, job: job.id, state: .waiting, priority: job.priority, needs: needs,
                    isHeld: try wasStopped || isHeld(id, job)))
            return (id, true)
        }
        guard let row = try db.first("SELECT id, state, priority FROM job WHERE identity = ?", [job.id.text]) else {
            throw LedgerError(.inputOutput, "job \(job.id.short) could not be stored")
        }
        let id: Int64 = row["id"]
        // Rows are given in their order: from the first that joins on all were added just now.
        if let first = joining.first, id >= first.row { return (id, false) }
        let isMember = try insertMemberships([(id, job.group, job.given)]) == 0
        guard !isMember || wasStopped else { return (id, false) }
        if !isMember {
            outcome.added += 1
            outcome.shared += 1
        }
        // Another sweep paused or canceled it, or this one was stopped by its failures; now it is wanted.
        let woken = try db.first(
            """
            UPDATE job SET state = 'waiting', budget_from = attempt, failure = NULL, message = NULL, ready_at = NULL,
                updated = ?1
            WHERE id = ?2 AND (state IN ('paused', 'canceled') OR (?3 AND state IN ('failed', 'parked'))) RETURNING id
            """, [now.milliseconds, id, wasStopped])
        if woken != nil {
            try db.note("resume", at: now, job: id, sweep: sweep, detail: "launched again")
        }
        // One that waits may have been held until now; this sweep wants it.
        if woken != nil || (row["state"] == "waiting" && !isMember && isAnyStopped) {
            outcome.changes.append(
                JobChange(
                    row: id, job: job.id, state: .waiting, priority: row["priority"], needs: job.needs,
                    isHeld: try isHeld(id, job)))
        }
        return (id, false)
    }

    /// Makes the added jobs members, after the last one.
    ///
    /// A job that was not there has no attempts, points, results or evaluations: of all that triggers keep of
    /// a sweep's members (`Schema.triggers`, `Schema.summaries`, `Schema.operating`) only the number of those
    /// that wait changes. So it is added once here, and the triggers do not run.
    ///
    /// - Throws: `DatabaseError`.
    mutating func finish() throws {
        guard !joining.isEmpty else { return }
        try unchecked(isMany: true) { try insertMemberships(joining) }
        try db.change(
            """
            INSERT INTO sweep_count (sweep, state, jobs) VALUES (?, 'waiting', ?)
            ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + excluded.jobs
            """, [sweep, joining.count])
        joining = []
    }

    /// Without triggers, foreign keys and conditions of columns, for many rows that refer to what was read or
    /// written just now and have states of new ones: together they take longer than the rows.
    /// Switching them prepares every statement anew, which is more than one job is worth.
    func unchecked(isMany: Bool, _ write: () throws -> Void) throws {
        guard isMany else { return try write() }
        let written = Result {
            try setChecks(on: false)
            try write()
        }
        // All of them, also where not all could be switched off.
        try setChecks(on: true)
        try written.get()
    }

    private func setChecks(on: Bool) throws {
        guard let connection = UnsafeMutableRawPointer(db.sqliteConnection) else {
            throw LedgerError(.inputOutput, "the ledger has no connection")
        }
        let codes = [cse_enable_triggers, cse_enable_foreign_keys, cse_enable_column_checks].map {
            $0(connection, on ? 1 : 0)
        }
        guard codes.contains(where: { $0 != 0 }) else { return }
        // As an error of the file it ends a writer that would go on without them.
        throw DatabaseError(
            resultCode: .SQLITE_IOERR,
            message: "the ledger's triggers and conditions cannot be switched \(on ? "on" : "off")")
    }

    /// A job that is not in the ledger, without its membership.
    ///
    /// - Returns: its row, and its needs with what is known of such jobs; nil for one that is there.
    /// - Throws: `DatabaseError`; `LedgerError`.
    mutating func insert(_ job: LaunchJob) throws -> (row: Int64, needs: RequirementSpec)? {
        let (rows, needs) = try insert([job])
        return rows[0].map { ($0, needs.spec(of: job)) }
    }

    /// What few jobs have.
    func insertRare(_ job: LaunchJob, _ id: Int64) throws {
        if let rule = job.stopRule {
            try db.change(
                """
                INSERT INTO stop_rule (job, metric, better, patience, min_delta, after, needs_adapter)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    id, rule.metric, rule.better.rawValue, rule.patience, rule.minDelta, rule.after, job.needsAdapter,
                ])
        }
        if job.edits { try db.change("INSERT INTO edit_job (job) VALUES (?)", [id]) }
        if let preparation = job.preparation {
            try db.change(
                "INSERT INTO prepare_job (job, name, scope) VALUES (?, ?, ?)",
                [id, preparation.name, preparation.scope.rawValue])
        }
        for needed in job.preparations {
            try db.change(
                "INSERT INTO prepare_need (job, prepare) SELECT ?, id FROM job WHERE identity = ? ON CONFLICT DO NOTHING",
                [id, needed.id.text])
        }
    }

    mutating func row(of digest: ConfigurationID, _ parameters: String) throws -> Int64 {
        if let configuration, configuration.digest == digest { return configuration.row }
        let row: Int64
        if let known = try db.first("SELECT id FROM configuration WHERE digest = ?", [digest.text]) {
            row = known[0]
        } else {
            try db.change("INSERT INTO configuration (digest, parameters) VALUES (?, ?)", [digest.text, parameters])
            row = db.lastInsertedRowID
        }
        configuration = (digest, row)
        return row
    }

    mutating func expectedMemory(_ memoryClass: String) throws -> Int? {
        if let known = expected[memoryClass] { return known }
        let bytes = try LearntMemory.expected(memoryClass, db)
        expected[memoryClass] = .some(bytes)
        return bytes
    }

    func isHeld(_ id: Int64, _ job: LaunchJob) throws -> Bool {
        if isAnyStopped, try SweepHold.holds(id, db) { return true }
        return try !job.preparations.isEmpty && JobHold.isUnprepared(id, db)
    }
}
