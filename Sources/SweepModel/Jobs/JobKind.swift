/// What a job does.
package enum JobKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// Trains one configuration with one seed, and evaluates its checkpoints.
    case train
    /// Evaluates checkpoints that are there.
    case evaluate
    /// Makes adapters of others: merges, extracts, resizes.
    case edit
    /// Makes what other jobs need: caches, features, samples of the base.
    case prepare
}
