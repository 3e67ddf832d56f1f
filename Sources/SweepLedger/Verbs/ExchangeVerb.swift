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
        let known = try db.first(
            """
            SELECT (SELECT reply FROM exchange WHERE session = ?1 AND number = ?2) AS reply,
                (SELECT state FROM worker WHERE id = ?3) = 'active' AS is_active,
                EXISTS (SELECT 1 FROM worker_suspension WHERE worker = ?3) AS is_suspended,
                EXISTS (SELECT 1 FROM attempt WHERE worker = ?3 AND ended IS NULL) AS has_job
            """, [session.rawValue, number, worker.text])
        if let text = known?["reply"] as String? {
            outcome.leftCandidates = true
            for attempt in text.split(separator: ",").compactMap({ Int64($0) }) {
                outcome.claims.append(try ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
            }
            return outcome
        }
        guard !candidates.isEmpty else { return outcome }
        let isSuspended = known?["is_suspended"] as Bool? ?? false
        let hasJob = known?["has_job"] as Bool? ?? false
        let mayTry = !isSuspended || Mutant.isOn("trials-at-once") || (!hasJob && candidates.count == 1)
        guard known?["is_active"] as Bool? == true, mayTry else {
            outcome.leftCandidates = true
            return outcome
        }
        var attempts: [Int64] = []
        let hasBudgets = try db.first("SELECT 1 FROM sweep_budget LIMIT 1") != nil
        for job in candidates {
            // What is held from now on is held in memory too; the claim below then finds it so.
            if hasBudgets { outcome.changes += try BudgetWatch(now: now).weigh(job: job, worker: worker, db) }
            let claim = ClaimJob(job: job, worker: worker, session: session, ledgerID: ledgerID, epoch: epoch, now: now)
            guard let (attempt, claimed) = try claim.run(db) else { continue }
            attempts.append(attempt)
            outcome.claims.append(try claimed ?? ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
        }
        if !attempts.isEmpty, !Mutant.isOn("exchange-not-remembered") {
            try db.change(
                "INSERT INTO exchange (session, number, reply) VALUES (?, ?, ?)",
                [session.rawValue, number, attempts.map(String.init).joined(separator: ",")])
            // Each time: a session that claims rarely, and never at a round number, would keep them all.
            if number > Self.remembered {
                try db.change(
                    "DELETE FROM exchange WHERE session = ? AND number <= ?",
                    [session.rawValue, number - Int64(Self.remembered)])
            }
        }
        return outcome
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
            guard report.token.ledger == ledgerID, try !isForeign(report.token, db) else {
                outcome.outcomes.append(.superseded)
                continue
            }
            var effects = ReportEffects()
            let result = try report.run(db, worker: worker, now: now, &effects)
            if result != .accepted { blocked.insert(report.token) }
            outcome.outcomes.append(result)
            outcome.changes += effects.changes
            outcome.workers += effects.workers
            outcome.enough += effects.enough
        }
    }
}
