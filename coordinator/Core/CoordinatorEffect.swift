package import RunSpec
package import SweepModel
package import SweepWire

/// Everything the coordinator's core wants done, as data.
package enum CoordinatorEffect: Sendable {
    /// Run the command in the ledger; its outcome comes back as `committed`, after it is on disk. Commands run in the
    /// order of these effects.
    case commit(CommitID, LedgerCommand)
    case reply(ReplyID, CoordinatorReply)
    case log(String)
}

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
}

package enum LedgerOutcome: Sendable, Equatable {
    case registered(leftovers: [AttemptToken], WorkerStanding)
    /// The worker's id belongs to a key, or to the token with this id; nothing was stored.
    case foreign(token: String, hasKey: Bool)
    case exchanged(ExchangeOutcome)
    case expired([JobNews])
    case revived([AttemptToken], superseded: [AttemptToken])
    case noted
}

package struct ExchangeOutcome: Sendable, Equatable {
    package struct Claim: Sendable, Equatable {
        package var row: Int64
        package var priority: Int
        package var needs: RequirementSpec
        package var grant: Grant
        package init(row: Int64, priority: Int, needs: RequirementSpec = RequirementSpec(), grant: Grant) {
            self.row = row
            self.priority = priority
            self.needs = needs
            self.grant = grant
        }
    }

    package var outcomes: [ReportOutcome]
    package var news: [JobNews]
    package var claims: [Claim]
    /// The candidates were not looked at: the exchange is a repeat, or the worker gets no jobs now. They still wait.
    package var leftCandidates: Bool
    /// Workers that were suspended by this, or are trusted again.
    package var workers: [WorkerChange]

    package init(
        outcomes: [ReportOutcome], news: [JobNews], claims: [Claim], leftCandidates: Bool,
        workers: [WorkerChange] = []
    ) {
        self.outcomes = outcomes
        self.news = news
        self.claims = claims
        self.leftCandidates = leftCandidates
        self.workers = workers
    }
}

/// What became of a worker's standing in the ledger.
package enum WorkerChange: Sendable, Equatable {
    /// It gets one trial job at a time, the first after so long.
    case suspended(WorkerID, pauseSeconds: Double)
    case lifted(WorkerID)
}
