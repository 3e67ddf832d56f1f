/// The states of a job. `done` is final; from `failed`, `parked` and `canceled` a person's `resume` leads
/// back.
package enum JobState: String, CaseIterable, Codable, Hashable, Sendable {
    case waiting, running, done, failed, parked, canceled, paused

    /// Nothing happens to the job any more unless a person asks for it.
    package var isFinished: Bool {
        switch self {
        case .done, .failed, .parked, .canceled: true
        case .waiting, .running, .paused: false
        }
    }
}

/// What can happen to a job.
package enum JobEvent: String, CaseIterable, Codable, Hashable, Sendable {
    /// A worker takes it.
    case claim
    /// Its lease ran out; the attempt stays open until somebody else claims the job.
    case expire
    /// A heartbeat of an expired attempt that nobody superseded.
    case revive
    /// The attempt delivered everything.
    case complete
    /// The attempt failed and the budget lasts.
    case retry
    /// The attempt failed and the budget is spent, or nothing would change by another try.
    case exhaust
    /// The job failed alike on two workers.
    case park
    /// The worker gave the attempt back (drain, restart): no penalty.
    case release
    /// A person pauses it. A running job stays running until its trainer stopped at a state.
    case pause
    /// The running attempt stopped because of a pause.
    case halt
    case unpause
    case cancel
    /// A person starts it again, with a fresh budget.
    case resume
}

extension JobState {
    /// Where the event leads, or nil if it cannot happen in this state. The only place that knows: the
    /// ledger's guards and the coordinator's memory are both held against it.
    package func after(_ event: JobEvent) -> JobState? {
        switch (event, self) {
        case (.claim, .waiting): .running
        case (.expire, .running): .waiting
        case (.revive, .waiting), (.revive, .running): .running
        // An expired attempt is in `waiting`; until it is superseded its reports count.
        case (.complete, .running), (.complete, .waiting): .done
        case (.retry, .running), (.retry, .waiting): .waiting
        case (.exhaust, .running), (.exhaust, .waiting): .failed
        case (.park, .running), (.park, .waiting): .parked
        case (.release, .running), (.release, .waiting): .waiting
        case (.pause, .waiting): .paused
        case (.pause, .running): .running
        case (.halt, .running), (.halt, .waiting): .paused
        case (.unpause, .paused): .waiting
        case (.cancel, .waiting), (.cancel, .running), (.cancel, .paused): .canceled
        case (.resume, .failed), (.resume, .parked), (.resume, .canceled): .waiting
        default: nil
        }
    }

    /// The states in which the event can happen.
    package static func states(before event: JobEvent) -> [JobState] { allCases.filter { $0.after(event) != nil } }
}
