/// Whether a worker gets jobs.
package enum WorkerStanding: String, Sendable, Codable { case active, draining }

/// What became of the trust in a worker, for those who keep workers in memory.
package enum WorkerChange: Equatable, Sendable {
    /// It gets one trial job at a time, the first after so long.
    case suspended(WorkerID, pauseSeconds: Double)
    case lifted(WorkerID)
}
