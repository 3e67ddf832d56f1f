package import SweepModel
package import SweepWire

/// Everything the coordinator's core wants done, as data.
package enum CoordinatorEffect: Sendable {
    /// Run the command in the ledger; its outcome comes back as `committed`, after it is on disk. Commands
    /// run in the order of these effects.
    case commit(CommitID, LedgerCommand)
    case reply(ReplyID, CoordinatorReply)
    case log(String)
}

/// What a request is answered.
package enum CoordinatorReply: Sendable, Equatable {
    case registered(RegisterResponse)
    case exchanged(ExchangeResponse)
    case heartbeat(HeartbeatResponse)
    case saidGoodbye
    case refused(WireError)
}

/// What the ledger is asked to do.
package enum LedgerCommand: Sendable, Equatable {
    /// Without a caller nobody is asked whose the worker's id is.
    case register(RegisterRequest, by: Caller? = nil)
    /// `candidates`: rows of jobs to claim, best first.
    case exchange(session: SessionID, worker: WorkerID, number: UInt64, reports: [Report], candidates: [Int64])
    case expire([AttemptToken])
    case revive([AttemptToken])
    /// Workers heard from since the last time, for people.
    case seen([WorkerID])
    case goodbye(WorkerID, SessionID)
    /// Read on among the jobs that wait.
    case waiting(after: WaitingPart.Place, most: Int)
}

/// What the ledger made of a command.
package enum LedgerOutcome: Sendable, Equatable {
    case registered(leftovers: [AttemptToken], WorkerStanding)
    /// The worker's id belongs to a key, or to the token with this id; nothing was stored.
    case foreign(token: String, hasKey: Bool)
    case exchanged(ExchangeOutcome)
    case expired([JobChange])
    case revived([AttemptToken], superseded: [AttemptToken])
    case waiting(WaitingPart)
    case noted
}
