extension SweepResultSet {
    /// Which checkpoints of a configuration compete.
    package enum CheckpointChoice: Equatable, Sendable {
        case all
        /// The one with the highest step.
        case last
        /// The one with the best value.
        case best
        /// The one of this step.
        case step(Int)
        /// The mean over so many of the last.
        case meanOfLast(Int)
    }
}
