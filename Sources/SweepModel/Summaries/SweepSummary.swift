/// One sweep in lists. Times are milliseconds since 1970 on the coordinator's wall clock, for people only.
package struct SweepSummary: Codable, Equatable, Sendable {
    package var name: String
    package var created: Int64
    package var priority: Int
    package var configurations: Int
    /// Jobs that train by state (`JobState` raw value); states without a job are absent.
    package var states: [String: Int]
    /// The same of jobs that evaluate; nil for none, and from a coordinator that counts them among the
    /// others.
    package var evaluations: [String: Int]?
    /// The same of jobs that make what others need.
    package var preparations: [String: Int]?
    package var checkpoints: Int
    /// active, stopped (by itself), paused, finished (no job can move by itself) or canceled.
    package var state: String
    /// Why it stopped itself, and when.
    package var reason: String?
    package var since: Int64?
    /// The command that makes it go on.
    package var remedy: String?
    /// What people say of it; nil for nothing.
    package var tags: [String]?
    package var note: String?
    /// Since when its files are gone but for the newest adapters; nil if it was not archived.
    package var archived: Int64?
    /// How long it will still take; nil where nothing tells.
    package var left: TimeLeft?
    /// What it may take, and has taken; nil where its file sets no budget.
    package var budget: BudgetStanding?
    package var jobs: Int { states.values.reduce(0, +) }
    /// Whether no job can change by itself any more.
    package var isFinished: Bool { count("waiting") + count("running") + count("paused") == 0 }
    /// Whether it was stopped by itself and nothing of it runs any more.
    package var isStopped: Bool { state == "stopped" && count("running") == 0 }

    /// Of all kinds.
    private func count(_ state: String) -> Int {
        (states[state] ?? 0) + (evaluations?[state] ?? 0) + (preparations?[state] ?? 0)
    }

    package init(
        name: String, created: Int64, priority: Int, configurations: Int, states: [String: Int], checkpoints: Int,
        state: String = "active", reason: String? = nil, since: Int64? = nil, remedy: String? = nil
    ) {
        self.name = name
        self.created = created
        self.priority = priority
        self.configurations = configurations
        self.states = states
        self.checkpoints = checkpoints
        self.state = state
        self.reason = reason
        self.since = since
        self.remedy = remedy
    }

    /// As a ledger has it: the state follows from what a user asked for, what stopped it by itself, and what
    /// its jobs do.
    ///
    /// - Parameters:
    ///   - asked: `active`, `paused` or `canceled`: what a user asked for last.
    ///   - stop: why and when it stopped itself; nil if it did not.
    package init(
        name: String, created: Int64, priority: Int, configurations: Int, states: [String: Int], checkpoints: Int,
        asked: String, stop: (reason: String, at: Int64)?, evaluations: [String: Int]? = nil,
        preparations: [String: Int]? = nil
    ) {
        self.init(
            name: name, created: created, priority: priority, configurations: configurations, states: states,
            checkpoints: checkpoints, reason: stop?.reason, since: stop?.at)
        self.evaluations = evaluations
        self.preparations = preparations
        if stop != nil {
            state = "stopped"
            remedy = "mend it and `radiata resume \(name)`"
        } else if asked == "canceled" {
            state = "canceled"
        } else if isFinished {
            state = "finished"
        } else if asked == "paused" {
            state = "paused"
            remedy = "`radiata unpause \(name)`"
        }
    }

    /// A coordinator of protocol 1 says nothing of states.
    ///
    /// - Throws: `DecodingError`.
    package init(from decoder: any Decoder) throws {
        let keyed = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try keyed.decode(String.self, forKey: .name), created: try keyed.decode(Int64.self, forKey: .created),
            priority: try keyed.decode(Int.self, forKey: .priority),
            configurations: try keyed.decode(Int.self, forKey: .configurations),
            states: try keyed.decode([String: Int].self, forKey: .states),
            checkpoints: try keyed.decode(Int.self, forKey: .checkpoints),
            state: try keyed.decodeIfPresent(String.self, forKey: .state) ?? "active",
            reason: try keyed.decodeIfPresent(String.self, forKey: .reason),
            since: try keyed.decodeIfPresent(Int64.self, forKey: .since),
            remedy: try keyed.decodeIfPresent(String.self, forKey: .remedy))
        tags = try keyed.decodeIfPresent([String].self, forKey: .tags)
        note = try keyed.decodeIfPresent(String.self, forKey: .note)
        archived = try keyed.decodeIfPresent(Int64.self, forKey: .archived)
        evaluations = try keyed.decodeIfPresent([String: Int].self, forKey: .evaluations)
        preparations = try keyed.decodeIfPresent([String: Int].self, forKey: .preparations)
        budget = try keyed.decodeIfPresent(BudgetStanding.self, forKey: .budget)
        left = try keyed.decodeIfPresent(TimeLeft.self, forKey: .left)
    }
}
