package import Ports
package import SweepModel
package import SweepWire

/// Everything a worker does, as data.
package enum WorkerEffect: Equatable, Sendable {
    /// Register with a new session; answered by `registered`.
    case register
    /// Send it, again and again until it is answered: `exchanged` or `sessionLost`.
    case exchange(ExchangeRequest)
    /// Send it once: `heartbeatAnswered` or `heartbeatFailed`.
    case heartbeat(HeartbeatRequest)
    /// Prepare the attempt's folder and run its trainer: `started`, `progress`, …, and in the end `ended`.
    /// `gpus`: positions of the GPUs that are its own. Apart in memory, or every effect would be as large.
    indirect case run(Grant, gpus: [Int] = [])
    /// Ask the trainer to stop: its stop signal, its grace, then the end by force.
    case stop(AttemptToken)
    /// Ask the trainer to end with what it has: that is its result.
    case finishAttempt(AttemptToken)
    /// End the trainer's group at once.
    case kill(AttemptToken)
    /// Put a report of the core's own into the spool; answered by `reportSpooled`.
    case spool(AttemptToken, Report.Body)
    /// Send points from the spool, starting with this number, `limit` of them at most: `metricsAnswered`.
    case sendMetrics(AttemptToken, from: UInt64, limit: Int? = nil)
    /// Send a point that says that this one is lost: `metricsAnswered`.
    case passOver(AttemptToken, point: UInt64)
    /// Bring the blobs of a report to the coordinator: `uploaded` or `uploadFailed`.
    case upload(AttemptToken, report: UInt64)
    /// These points are not needed any more.
    case trimPoints(AttemptToken, below: UInt64)
    /// This report is settled: its files are not needed any more.
    case settle(AttemptToken, report: UInt64)
    /// Nothing of the attempt is needed any more: its folder may go.
    case discard(AttemptToken)
    /// Call `tick` at this time.
    case wake(MonotonicTime)
    case log(WorkerLog)
    /// All is done; the daemon may return.
    case finish
}

/// A line for the worker's own log.
package struct WorkerLog: Equatable, Sendable {
    package enum Level: Equatable, Sendable { case info, warning }

    package var level: Level
    package var text: String

    package init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}
