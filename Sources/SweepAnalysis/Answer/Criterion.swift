package import RunSpec

/// One measure that counts in a choice, and how much.
package struct Criterion: Hashable, Sendable {
    package var metric: String
    /// The prompt type it is read at; nil for a curve.
    package var prompts: String?
    package var lowerIsBetter: Bool
    /// How much it counts beside the others; only the ratios matter.
    package var weight: Double

    /// - Parameters:
    ///   - prompts: nil for a curve.
    ///   - lowerIsBetter: nil to go by the metric's name.
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

    /// The prompt types that may stand after an `@`; what else stands there is an encoder.
    package static let promptTypes: Set<String> = ["train", "trigger", "alter", "style", "holdout"]

    /// Reads `METRIC`, `METRIC@PROMPTS`, `METRIC@ENCODER` and `METRIC@ENCODER@PROMPTS`. Without prompts it is
    /// a curve if the sweep has one of that name, else the metric at its usual prompts.
    package init(_ text: String, weight: Double = 1, lowerIsBetter: Bool? = nil, curves: some Collection<String>) {
        if let at = text.lastIndex(of: "@"), Self.promptTypes.contains(String(text[text.index(after: at)...])) {
            self.init(
                metric: String(text[..<at]), prompts: String(text[text.index(after: at)...]),
                lowerIsBetter: lowerIsBetter, weight: weight)
        } else if curves.contains(text) {
            self.init(metric: text, prompts: nil, lowerIsBetter: lowerIsBetter, weight: weight)
        } else {
            self.init(
                metric: text, prompts: MetricInfo.of(text).prompts, lowerIsBetter: lowerIsBetter, weight: weight)
        }
    }

    /// The value as one that should grow.
    func upwards(_ value: Double) -> Double { lowerIsBetter ? -value : value }
}
