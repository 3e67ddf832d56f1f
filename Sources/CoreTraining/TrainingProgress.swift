/// What a person wants to see while a run goes on.
package struct TrainingProgress: Equatable, Sendable {
    package let step: Int
    package let total: Int
    package let loss: Double
    package let learningRate: Double
    /// Of this step alone.
    package let seconds: Double
}
