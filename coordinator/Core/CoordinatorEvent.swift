package import RunSpec
package import SweepModel
package import SweepWire

/// A request that waits for its answer.
package struct ReplyID: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// A commit that was asked for and not reported yet.
package struct CommitID: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// Who registers a worker: the worker's id belongs to its key, else to this token.
package struct Caller: Sendable, Equatable {
    /// Id of the token.
    package var token: String
    package var isAdmin: Bool
    package init(token: String, isAdmin: Bool) {
        self.token = token
        self.isAdmin = isAdmin
    }
}

/// Everything the coordinator's core hears of.
package enum CoordinatorEvent: Sendable {
    case register(RegisterRequest, ReplyID, by: Caller? = nil)
    case exchange(ExchangeRequest, ReplyID)
    case heartbeat(HeartbeatRequest, ReplyID)
    /// The peer of a waiting request is gone.
    case disconnected(ReplyID)
    case committed(CommitID, LedgerOutcome)
    /// The ledger refused the whole command; nothing of it was stored.
    case refused(CommitID, WireError)
    /// A launch or a user's action changed jobs. `stopping`: running attempts that should stop for a pause;
    /// `continuing`: no more.
    case changed([JobNews], stopping: [AttemptToken], continuing: [AttemptToken])
    case workerChanged(WorkerID, WorkerStanding)
    /// The session's worker stops politely.
    case goodbye(GoodbyeRequest, ReplyID)
    /// Workers that are not in the ledger any more.
    case forgotten([WorkerID])
    /// The coordinator's disk is nearly full, or has space again.
    case diskChanged(isFull: Bool)
    /// About once a second.
    case tick
    /// The coordinator is ending: no more grants, waiting requests are answered.
    case stop
}

package enum WorkerStanding: String, Sendable { case active, draining }

/// What became of a job in the ledger.
package struct JobNews: Equatable, Sendable {
    /// Row in the ledger.
    package var row: Int64
    package var job: JobID
    package var state: JobState
    package var priority: Int
    package var needs: RequirementSpec
    /// For `waiting`: seconds until it may be claimed, and who should rather not.
    package var delaySeconds: Double
    package var avoid: WorkerID?
    /// For `waiting`: its sweep was stopped, so nobody gets it.
    package var isHeld: Bool
    /// The attempt that ended with this.
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
