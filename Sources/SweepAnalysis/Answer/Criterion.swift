package import RunSpec

/// One measure that counts in a choice, and how much.
package struct Criterion: Hashable, Sendable {
    package var metric: String
    /// The prompt type it is read at; nil for a curve.
    package var prompts: String?
    package var lowerIsBetter: Bool
    /// How much it counts beside the others; only the ratios matter.
    package var weight: Double

    /// - Parameter prompts: nil for a curve.
    package init(metric: String, prompts: String?, lowerIsBetter: Bool? = nil, weight: Double = 1) {
        self.metric = metric
        self.prompts = prompts
        self.lowerIsBetter = MetricInfo.of(metric, lowerIsBetter: lowerIsBetter).lowerIsBetter
        self.weight = weight
    }

    package var info: MetricInfo { MetricInfo.of(metric, lowerIsBetter: lowerIsBetter) }

    /// `paired_fidelity@holdout`; a curve's is its key.
    package var name: String { prompts.map { "\(metric)@\($0)" } ?? metric }

    /// `paired fidelity (holdout)`.
    package var title: String { prompts.map { "\(info.title) (\($0))" } ?? info.title }
}
