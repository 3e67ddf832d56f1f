package import RunSpec
package import SweepModel
package import SweepWire

/// How the trainer of an attempt ended, after everything it wrote was read and spooled.
package enum AttemptEnd: Equatable, Sendable {
    /// Exit 0, and what it should have made is there.
    case finished
    /// It was asked to stop, saved what it could, and can be continued elsewhere.
    case stopped
    case failed(FailureReport)
}

/// What the coordinator said to a metric batch.
package enum MetricAnswer: Equatable, Sendable {
    /// Everything before `next` is durable there.
    case acknowledged(next: UInt64)
    /// It holds less than we thought: it wants `expected` next.
    case gap(expected: UInt64)
    case superseded
    /// It will never take this batch; the message says why.
    case refused(String)
    /// It cannot take it now, for a reason that is not the batch's: an error of its own, another server at
    /// its address.
    case delayed(String)
}

/// Everything that happens to a worker.
package enum WorkerEvent: Sendable {
    case begin
    /// An attempt of an earlier run of this worker whose folder is still here. Its processes are gone, its
    /// last output is in the spool. `pointsFrom` is the first number the spool still holds: what came before
    /// was acknowledged. `fault`: what of its output is lost; it then cannot count as done.
    case recovered(AttemptToken, pointsFrom: UInt64, fault: String? = nil)
    case registered(SessionID, RegisterResponse)
    case exchanged(SessionID, ExchangeResponse)
    /// The coordinator does not know the session (any more).
    case sessionLost(SessionID)
    case heartbeatAnswered(SessionID, attempts: [AttemptToken], HeartbeatResponse)
    /// - `isRefused`: it answered, and will answer alike: not asked again at once.
    case heartbeatFailed(SessionID, isRefused: Bool = false)
    /// The coordinator will never take the exchange of this number as it is; the message says why.
    case exchangeRefused(SessionID, number: UInt64, message: String)
    case started(AttemptToken)
    case progress(AttemptToken, phase: String, step: Int?, extent: ProgressExtent? = nil)
    /// The spool holds so many points of the attempt's stream now.
    case pointsSpooled(AttemptToken, total: UInt64)
    case reportSpooled(AttemptToken, SpooledReport)
    case metricsAnswered(AttemptToken, MetricAnswer)
    case uploaded(AttemptToken, report: UInt64)
    /// The files of a report cannot be brought to the coordinator, ever.
    case uploadFailed(AttemptToken, report: UInt64, message: String)
    /// The files of a report are not what they were when it was made: it is void, and made anew where they
    /// are whole again.
    case uploadVoid(AttemptToken, report: UInt64, message: String)
    case ended(AttemptToken, AttemptEnd)
    /// The work folder's disk is nearly full, or no more: meanwhile no new jobs are asked for.
    case diskChanged(isLow: Bool)
    /// The user wants the worker to stop (SIGTERM, Ctrl-C).
    case stopRequested
    case tick
}

extension WorkerEvent {
    /// Whether points or files may be ready to be sent after it: an end brings neither, and ends of short
    /// attempts come by the hundred.
    var mayBringData: Bool {
        switch self {
        case .ended: false
        case .reportSpooled(_, let report): report.hasBlobs
        default: true
        }
    }
}
