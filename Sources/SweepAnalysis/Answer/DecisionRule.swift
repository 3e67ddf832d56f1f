/// What "best" means: several measures with weights, made one score.
///
/// Every criterion becomes a desirability between 0.1 (the worst configuration of the sweep) and 1 (the
/// best); the score is their weighted geometric mean (Derringer & Suich, J. Quality Technology 12, 1980).
package struct DecisionRule: Equatable, Sendable {
    package var criteria: [Criterion]
    /// Where it comes from.
    package var origin: Origin

    package enum Origin: Equatable, Sendable {
        /// The sweep file, or whoever asks.
        case given
        /// The measures that evaluations have.
        case evaluations
        /// What the trainers logged, where nothing was evaluated.
        case curves
    }

    package init(criteria: [Criterion], origin: Origin = .given) {
        self.criteria = criteria
        self.origin = origin
    }
}
