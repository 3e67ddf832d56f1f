import RunSpec

extension SweepResultSet {
    /// The sweep's configurations by a rule, best first, with what can be said about them.
    ///
    /// - Parameters:
    ///   - rule: nil for what fits to what was measured.
    ///   - checkpoints: nil for the best one by the rule, or the last where only curves are read.
    package func answer(rule: DecisionRule? = nil, checkpoints: CheckpointChoice? = nil) -> SweepAnswer {
        SweepAnswer(
            sweep: sweep, rule: rule ?? DecisionRule(criteria: []), rows: [], isEstablished: false, isPaired: false,
            words: ["Nothing has been measured yet."], warnings: [], advice: nil)
    }
}
