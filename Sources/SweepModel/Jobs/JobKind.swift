package import RunSpec

/// What a job does.
package enum JobKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// Trains one configuration with one seed, and evaluates its checkpoints.
    case train
    /// Evaluates checkpoints that are there.
    case evaluate
    /// Edits pictures without training.
    case edit
    /// Makes what other jobs need: caches, features, samples of the base.
    case prepare

    /// What a point of a sweep file does.
    ///
    /// - Parameter parameters: resolved ones for the core.
    package init(of parameters: [String: ParameterValue], trainer: TrainerSpec) {
        self = trainer.isCore && EditMethod(parameters) != nil ? .edit : .train
    }
}
