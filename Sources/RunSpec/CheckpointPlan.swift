/// When a job saves its adapter, and how often it saves a state to go on from. The final checkpoint always
/// exists.
package struct CheckpointPlan: Codable, Equatable, Sendable {
    /// After these epochs, counted from 1; ascending.
    package var epochs: [Int]
    /// After these optimiser steps, counted from 1; ascending.
    package var steps: [Int]
    /// Seconds of training between states besides the listed checkpoints.
    package var stateEverySeconds: Double

    package static let defaultStateEverySeconds: Double = 300

    package init(epochs: [Int] = [], steps: [Int] = [], stateEverySeconds: Double = defaultStateEverySeconds) {
        self.epochs = Set(epochs).sorted()
        self.steps = Set(steps).sorted()
        self.stateEverySeconds = stateEverySeconds
    }

    /// The plan without what lies past the end of a job, or coincides with it.
    package func trimmed(toEpochs total: Int) -> CheckpointPlan {
        CheckpointPlan(epochs: epochs.filter { $0 < total }, steps: steps, stateEverySeconds: stateEverySeconds)
    }

    /// Checkpoints a job of so many epochs saves, the final one included.
    package func count(epochs total: Int) -> Int { trimmed(toEpochs: total).epochs.count + steps.count + 1 }
}
