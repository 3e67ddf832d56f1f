/// How a run ended, when it did not throw.
package enum TrainingOutcome: Equatable, Sendable {
    case finished
    /// It was asked to stop and can go on from the state of this step.
    case stopped(step: Int)
}
