package import RunSpec

/// A job that has not ended, for the question why it waits: what the ledger knows of it.
package struct WaitingJob: Equatable, Sendable {
    /// Row in the ledger.
    package var row: Int64
    package var state: JobState
    /// What it needs of a worker.
    package var needs: RequirementSpec
    /// Of its last attempt.
    package var failure: FailureClass?
    package var avoid: WorkerID?
    /// The sweep that was stopped, and why, where it holds the job.
    package var heldBy: String?
    package var holdReason: String?
    /// What a user would unpause.
    package var name: String

    package init(
        row: Int64, state: JobState, needs: RequirementSpec, failure: FailureClass? = nil, avoid: WorkerID? = nil,
        heldBy: String? = nil, holdReason: String? = nil, name: String
    ) {
        self.row = row
        self.state = state
        self.needs = needs
        self.failure = failure
        self.avoid = avoid
        self.heldBy = heldBy
        self.holdReason = holdReason
        self.name = name
    }
}
