package import RunSpec

/// What became of a job in the ledger, for those who keep jobs in memory.
package struct JobChange: Equatable, Sendable {
    /// Row in the ledger.
    package var row: Int64
    package var job: JobID
    package var state: JobState
    package var priority: Int
    /// What it needs of a worker.
    package var needs: RequirementSpec
    /// For `waiting`: seconds until it may be claimed, and the worker that should not get it.
    package var delaySeconds: Double
    package var avoid: WorkerID?
    /// For `waiting`: its sweep was stopped, so nobody gets it until a person resumes the sweep.
    package var isHeld: Bool
    /// The attempt that this ended, if any.
    package var ended: AttemptToken?

    package init(
        row: Int64, job: JobID, state: JobState, priority: Int, needs: RequirementSpec = RequirementSpec(),
        delaySeconds: Double = 0, avoid: WorkerID? = nil, isHeld: Bool = false, ended: AttemptToken? = nil
    ) {
        self.row = row
        self.job = job
        self.state = state
        self.priority = priority
        self.needs = needs
        self.delaySeconds = delaySeconds
        self.avoid = avoid
        self.isHeld = isHeld
        self.ended = ended
    }
}
