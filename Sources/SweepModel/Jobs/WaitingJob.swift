package import RunSpec

/// A job that another waits for.
package struct Preparing: Codable, Equatable, Sendable {
    package var job: String
    package var name: String
    package var state: String
    package var failure: String?
    package var message: String?

    package init(job: String, name: String, state: String, failure: String? = nil, message: String? = nil) {
        self.job = job
        self.name = name
        self.state = state
        self.failure = failure
        self.message = message
    }
}

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
    /// The job that must be done before it, where one is not.
    package var preparation: Preparing?
    /// What a user would unpause.
    package var name: String

    package init(
        row: Int64, state: JobState, needs: RequirementSpec, failure: FailureClass? = nil, avoid: WorkerID? = nil,
        heldBy: String? = nil, holdReason: String? = nil, preparation: Preparing? = nil, name: String
    ) {
        self.preparation = preparation
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
