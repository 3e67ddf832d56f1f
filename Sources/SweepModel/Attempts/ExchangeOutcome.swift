/// What the ledger made of one exchange: reports taken in their order, and jobs claimed.
package struct ExchangeOutcome: Equatable, Sendable {
    /// One per report.
    package var outcomes: [ReportOutcome]
    package var changes: [JobChange]
    package var claims: [ClaimedJob]
    /// The candidates were not touched: the claims are those of an earlier send of the same number, or the
    /// worker gets no jobs now. They still wait.
    package var leftCandidates: Bool
    /// Workers that were suspended by this, or are trusted again.
    package var workers: [WorkerChange]
    /// Attempts that have trained enough by their rules.
    package var enough: [AttemptToken] = []

    package init(
        outcomes: [ReportOutcome] = [], changes: [JobChange] = [], claims: [ClaimedJob] = [],
        leftCandidates: Bool = false, workers: [WorkerChange] = []
    ) {
        self.outcomes = outcomes
        self.changes = changes
        self.claims = claims
        self.leftCandidates = leftCandidates
        self.workers = workers
    }
}
