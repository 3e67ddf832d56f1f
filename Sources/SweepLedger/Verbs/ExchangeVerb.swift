package import GRDB
package import Ports
package import SweepModel

/// The reports of a worker in their order, and claims for its free slots: one exchange, one transaction.
///
/// Idempotent by (session, number): an exchange that claimed is remembered with its claims; reports are idempotent by
/// themselves.
package struct ExchangeVerb: LedgerVerb {
    package struct Outcome: Equatable, Sendable {
        /// One per report.
        package var results: [ReportResult] = []
        package var changes: [JobChange] = []
        package var claims: [ClaimedJob] = []
        /// The candidates were not touched: the claims are those of an earlier send of the same number, or the worker
        /// gets no jobs now.
        package var leftCandidates = false
        /// Workers that were suspended by this, or are trusted again.
        package var workers: [WorkerNews] = []
    }

    let session: String
    let worker: WorkerID
    let number: UInt64
    let reports: [LedgerReport]
    /// Rows of jobs to claim; those that do not wait any more are passed over.
    let candidates: [Int64]
    let ledgerID: String
    let epoch: Int
    let now: WallTime

    /// How many numbers back a session's claiming exchanges are remembered.
    static let remembered = 16

    package init(
        session: String, worker: WorkerID, number: UInt64, reports: [LedgerReport], candidates: [Int64],
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

    package func run(_ db: Database) throws -> Outcome {
        var outcome = Outcome()
        try report(db, &outcome)
        let number = Int64(clamping: number)
        // The worker may have been drained or suspended since the candidates were picked: then it has one job at a time.
        let known = try db.first(
            """
            SELECT (SELECT reply FROM exchange WHERE session = ?1 AND number = ?2),
                (SELECT state FROM worker WHERE id = ?3) = 'active',
                EXISTS (SELECT 1 FROM worker_suspension WHERE worker = ?3),
                EXISTS (SELECT 1 FROM attempt WHERE worker = ?3 AND ended IS NULL)
            """, [session, number, worker.text])
        if let text = known?[0] as String? {
            outcome.leftCandidates = true
            for attempt in text.split(separator: ",").compactMap({ Int64($0) }) {
                outcome.claims.append(try ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
            }
            return outcome
        }
        guard !candidates.isEmpty else { return outcome }
        let isSuspended = known?[2] as Bool? ?? false
        let hasJob = known?[3] as Bool? ?? false
        let mayTry = !isSuspended || Mutant.isOn("trials-at-once") || (!hasJob && candidates.count == 1)
        guard known?[1] as Bool? == true, mayTry else {
            outcome.leftCandidates = true
            return outcome
        }
        var attempts: [Int64] = []
        for job in candidates {
            let claim = ClaimJob(job: job, worker: worker, session: session, ledgerID: ledgerID, epoch: epoch, now: now)
            guard let (attempt, claimed) = try claim.run(db) else { continue }
            attempts.append(attempt)
            outcome.claims.append(try claimed ?? ClaimJob.describe(db, attempt: attempt, ledgerID: ledgerID))
        }
        if !attempts.isEmpty, !Mutant.isOn("exchange-not-remembered") {
            try db.change(
                "INSERT INTO exchange (session, number, reply) VALUES (?, ?, ?)",
                [session, number, attempts.map(String.init).joined(separator: ",")])
            // Each time: a session that claims rarely, and never at a round number, would keep them all.
            if number > Self.remembered {
                try db.change(
                    "DELETE FROM exchange WHERE session = ? AND number <= ?",
                    [session, number - Int64(Self.remembered)])
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

    private func report(_ db: Database, _ outcome: inout Outcome) throws {
        var blocked: Set<AttemptToken> = []
        for report in reports {
            guard !blocked.contains(report.token) else {
                outcome.results.append(.notTried)
                continue
            }
            guard report.token.ledger == ledgerID, try !isForeign(report.token, db) else {
                outcome.results.append(.superseded)
                continue
            }
            var effects = ReportEffects()
            let result = try report.run(db, worker: worker, now: now, &effects)
            if result != .accepted { blocked.insert(report.token) }
            outcome.results.append(result)
            outcome.changes += effects.changes
            outcome.workers += effects.workers
        }
    }
}
