package import RunSpec

/// An attempt that runs now, and how far it is. Times are milliseconds since 1970 on the coordinator's wall
/// clock, for people only.
package struct RunningJob: Codable, Equatable, Sendable {
    package var id: String
    package var sweep: String
    /// The worker's name, and its id.
    package var worker: String
    package var workerID: String
    package var attempt: Int
    package var seed: Int
    /// What the sweep file set for this point.
    package var parameters: [String: ParameterValue]
    package var started: Int64
    /// `evaluate` and others; nil for one that trains.
    package var kind: String?
    /// What it does now; nil where its worker has not said it to this process of the coordinator.
    package var phase: String?
    package var step: Int?
    package var extent: ProgressExtent?

    package init(
        id: String, sweep: String, worker: String, workerID: String, attempt: Int, seed: Int,
        parameters: [String: ParameterValue], started: Int64, kind: String? = nil
    ) {
        self.id = id
        self.sweep = sweep
        self.worker = worker
        self.workerID = workerID
        self.attempt = attempt
        self.seed = seed
        self.parameters = parameters
        self.started = started
        self.kind = kind
    }
}
