package import GRDB
package import Ports
package import SweepModel

/// The reports of a worker in their order, and claims for its free slots: one exchange, one transaction.
///
/// Idempotent by (session, number): an exchange that claimed is remembered with its claims; reports are
/// idempotent by themselves.
package struct ExchangeVerb: LedgerVerb {
    let session: SessionID
    let worker: WorkerID
    let number: UInt64
    let reports: [Report]
    /// Rows of jobs to claim; those that do not wait any more are passed over.
    let candidates: [Int64]
    let ledgerID: String
    let epoch: Int
    let now: WallTime

    /// How many numbers back a session's claiming exchanges are remembered.
    static let remembered = 16

    package init(
        session: SessionID, worker: WorkerID, number: UInt64, reports: [Report], candidates: [Int64],
        ledgerID: String,
        epoch: Int, now: WallTime
    ) {
        self.session = session
        self.worker = worker
        self.number = number
        self.reports = reports
        self.candidates = candidates
        self.ledgerID = ledgerID
        self.epoch = epoch
        self.now = now
    }

    /// - Returns: one outcome per report, and the jobs claimed.
    /// - Throws: `DatabaseError`; `LedgerError` for what the ledger holds and cannot be read.
    package func run(_ db: Database) throws -> ExchangeOutcome {
        var outcome = ExchangeOutcome()
        try report(db, &outcome)
        let number = Int64(clamping: number)
        // The worker may have been drained or suspended since the candidates were picked: then it has one job
        // at a time.
        let known = try known(db, number)
        if let text = known.reply {
            outcome.leftCandidates = true
            for attempt in text.split(separator: ",").compactMap({ Int64($0) }) {
                outcome.claims.append(try ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
            }
            return outcome
        }
        guard !candidates.isEmpty else { return outcome }
        let mayTry =
            !known.isSuspended || Mutant.isOn("trials-at-once") || (!known.hasJob && candidates.count == 1)
        guard known.isActive, mayTry else {
            outcome.leftCandidates = true
            return outcome
        }
        var attempts: [Int64] = []
        for job in candidates {
            // What is held from now on is held in memory too; the claim below then finds it so.
            if known.hasBudgets {
                outcome.changes += try BudgetWatch(now: now).weigh(job: job, worker: worker, db)
            }
            let claim = ClaimJob(
                job: job, worker: worker, session: session, ledgerID: ledgerID, epoch: epoch, price: known.price,
                now: now)
            guard let (attempt, claimed) = try claim.run(db) else { continue }
            attempts.append(attempt)
            outcome.claims.append(try claimed ?? ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
        }
        if !attempts.isEmpty, !Mutant.isOn("exchange-not-remembered") {
            try remember(attempts, as: number, db)
        }
        return outcome
    }

    /// What the ledger knows of the exchange and of its worker.
    private struct Known {
        /// What it claimed when it was made before.
        var reply: String?
        var isActive = false
        var isSuspended = false
        var hasJob = false
        var hasBudgets = false
        /// Of an hour of one of the worker's slots.
        var price: Double?
    }

    private func known(_ db: Database, _ number: Int64) throws -> Known {
        let query = try PreparedStatement(
            """
            SELECT (SELECT reply FROM exchange WHERE session = ?1 AND number = ?2), w.state = 'active',
                EXISTS (SELECT 1 FROM worker_suspension WHERE worker = ?3),
                EXISTS (SELECT 1 FROM attempt WHERE worker = ?3 AND ended IS NULL),
                EXISTS (SELECT 1 FROM sweep_budget), w.labels, w.slots
            FROM (SELECT 1) LEFT JOIN worker w ON w.id = ?3
            """, db)
        try query.bind(1, session.rawValue)
        try query.bind(2, number)
        try query.bind(3, worker.text)
        return try query.first { row in
            Known(
                reply: row.text(0), isActive: row.flag(1), isSuspended: row.flag(2), hasJob: row.flag(3),
                hasBudgets: row.flag(4),
                price: try BudgetWatch.price(labels: row.text(5) ?? "", slots: Int(row.integer(6))))
        } ?? Known()
    }

    private func remember(_ attempts: [Int64], as number: Int64, _ db: Database) throws {
        let insert = try PreparedStatement("INSERT INTO exchange (session, number, reply) VALUES (?1, ?2, ?3)", db)
        try insert.bind(1, session.rawValue)
        try insert.bind(2, number)
        try insert.bind(3, attempts.map(String.init).joined(separator: ","))
        try insert.run()
        // Each time: a session that claims rarely, and never at a round number, would keep them all.
        guard number > Self.remembered else { return }
        let delete = try PreparedStatement("DELETE FROM exchange WHERE session = ?1 AND number <= ?2", db)
        try delete.bind(1, session.rawValue)
        try delete.bind(2, number - Int64(Self.remembered))
        try delete.run()
    }

    /// Whether the attempt is another worker's: a worker speaks for its own only.
    private func isForeign(_ token: AttemptToken, _ db: Database) throws -> Bool {
        try db.first(
            """
            SELECT 1 FROM job j JOIN attempt a ON a.job = j.id
            WHERE j.identity = ? AND a.number = ? AND a.epoch = ? AND a.worker <> ?
            """, token.fence + [worker.text]) != nil
    }

    private func report(_ db: Database, _ outcome: inout ExchangeOutcome) throws {
        var blocked: Set<AttemptToken> = []
        for report in reports {
            guard !blocked.contains(report.token) else {
                outcome.outcomes.append(.notTried)
                continue
            }
            var effects = ReportEffects()
            guard let result = try self.outcome(of: report, &effects, db) else {
                outcome.outcomes.append(.superseded)
                continue
            }
            if result != .accepted { blocked.insert(report.token) }
            outcome.outcomes.append(result)
            outcome.changes += effects.changes
            outcome.workers += effects.workers
            outcome.enough += effects.enough
        }
    }

    /// - Returns: nil for what is none of the worker's business.
    private func outcome(
        of report: Report, _ effects: inout ReportEffects, _ db: Database
    ) throws -> ReportOutcome? {
        guard report.token.ledger == ledgerID else { return nil }
        // The end of most attempts, which looks at the worker itself.
        if case .finished(let end) = report.body,
            try report.finishOpen(db, position: end.streamPosition, worker: worker, now: now, &effects)
        {
            return .accepted
        }
        if try isForeign(report.token, db) { return nil }
        return try report.run(db, worker: worker, now: now, &effects)
    }
}
