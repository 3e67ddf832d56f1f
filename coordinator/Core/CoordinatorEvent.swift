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
    case changed([JobChange], stopping: [AttemptToken], continuing: [AttemptToken])
    case workerChanged(WorkerID, WorkerStanding)
    /// Rules decided that these attempts have trained enough.
    case enough([AttemptToken])
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
