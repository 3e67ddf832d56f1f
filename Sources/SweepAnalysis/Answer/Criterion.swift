package import RunSpec

/// One measure that counts in a choice, and how much.
package struct Criterion: Hashable, Sendable {
    /// What is known of the metric, its direction too.
    package var info: MetricInfo
    /// The prompt type it is read at; nil for a curve.
    package var prompts: String?
    /// How much it counts beside the others; only the ratios matter.
    package var weight: Double

    package var metric: String { info.name }
    package var lowerIsBetter: Bool { info.lowerIsBetter }

    /// - Parameters:
    ///   - prompts: nil for a curve.
    ///   - lowerIsBetter: nil to go by what is declared, else by the metric's name.
    ///   - declared: what the sweep file says about metrics.
    package init(
        metric: String, prompts: String?, lowerIsBetter: Bool? = nil, weight: Double = 1,
        declared: [MetricDeclaration] = []
    ) {
        info = MetricInfo.of(metric, lowerIsBetter: lowerIsBetter, declared: declared)
        self.prompts = prompts
        self.weight = weight
    }

    /// `paired_fidelity@holdout`; a curve's is its key.
    package var name: String { prompts.map { "\(metric)@\($0)" } ?? metric }

    /// `paired fidelity (holdout)`.
    package var title: String { prompts.map { "\(info.title) (\($0))" } ?? info.title }

    /// The prompt types that may stand after an `@`; what else stands there is an encoder.
    package static let promptTypes: Set<String> = [
        "train", "trigger", "alter", "style", "holdout", EditTask.prompts,
    ]

    /// Reads `METRIC`, `METRIC@PROMPTS`, `METRIC@ENCODER` and `METRIC@ENCODER@PROMPTS`. Without prompts it is
    /// a curve if the sweep has one of that name, else the metric at its usual prompts.
    package init(
        _ text: String, weight: Double = 1, lowerIsBetter: Bool? = nil, curves: some Collection<String>,
        declared: [MetricDeclaration] = []
    ) {
        var (metric, prompts): (String, String?) = (text, nil)
        if let at = text.lastIndex(of: "@"), Self.promptTypes.contains(String(text[text.index(after: at)...])) {
            (metric, prompts) = (String(text[..<at]), String(text[text.index(after: at)...]))
        } else if !curves.contains(text) {
            prompts = MetricInfo.of(text, declared: declared).prompts
        }
        self.init(
            metric: metric, prompts: prompts, lowerIsBetter: lowerIsBetter, weight: weight, declared: declared)
    }

    /// The value as one that should grow.
    func upwards(_ value: Double) -> Double { lowerIsBetter ? -value : value }
}
