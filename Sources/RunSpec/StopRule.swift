/// When a job has trained enough: its metric has not become better for so long.
package struct StopRule: Codable, Hashable, Sendable {
    /// The key of a curve, or `METRIC@PROMPTS` of evaluations.
    package var metric: String
    package var better: MetricDeclaration.Direction
    /// So many values in a row without an improvement end it.
    package var patience: Int
    /// What counts as an improvement: more than this, in the metric's unit.
    package var minDelta: Double
    /// Values before this step do not count as waiting.
    package var after: Int

    package init(
        metric: String, better: MetricDeclaration.Direction, patience: Int, minDelta: Double = 0, after: Int = 0
    ) {
        self.metric = metric
        self.better = better
        self.patience = patience
        self.minDelta = minDelta
        self.after = after
    }

    /// A value of the metric; nil for what is no number, which is no improvement.
    package struct Value: Equatable, Sendable {
        package var step: Int
        package var value: Double?

        package init(step: Int, value: Double?) {
            self.step = step
            self.value = value
        }
    }

    /// That it is enough: the step that said so, and the best value before.
    package struct Decision: Equatable, Sendable {
        package var step: Int
        package var best: Value?

        package init(step: Int, best: Value?) {
            self.step = step
            self.best = best
        }
    }

    /// How far a rule has weighed a curve: all that later values need to know of earlier ones.
    package struct Progress: Equatable, Sendable {
        /// Of the last value that was weighed.
        package var step: Int
        package var best: Value?
        /// Values in a row without an improvement.
        package var waited: Int
        /// Whether the rule was met at `step`; nothing is weighed after that.
        package var isMet: Bool

        package init(step: Int, best: Value? = nil, waited: Int = 0, isMet: Bool = false) {
            self.step = step
            self.best = best
            self.waited = waited
            self.isMet = isMet
        }

        package var decision: Decision? { isMet ? Decision(step: step, best: best) : nil }
    }

    /// - Parameters:
    ///   - value: of a later step than all before.
    ///   - progress: nil before the first value.
    package func weigh(_ value: Value, after progress: Progress?) -> Progress {
        var next = progress ?? Progress(step: value.step)
        guard !next.isMet else { return next }
        next.step = value.step
        if let number = value.value, number.isFinite, isImprovement(number, on: next.best?.value) {
            next.best = value
            next.waited = 0
        } else if value.step >= after {
            next.waited += 1
            next.isMet = next.waited >= patience
        }
        return next
    }

    /// The first value by which the rule is met; nil while there is hope.
    ///
    /// - Parameter values: in the order of their steps.
    package func decision(_ values: some Sequence<Value>) -> Decision? {
        var progress: Progress?
        for value in values {
            progress = weigh(value, after: progress)
            if let decision = progress?.decision { return decision }
        }
        return nil
    }

    private func isImprovement(_ value: Double, on best: Double?) -> Bool {
        guard let best else { return true }
        return better == .lower ? value < best - minDelta : value > best + minDelta
    }

    /// `METRIC@PROMPTS` in its parts; without prompts the usual ones of the metric.
    package static func parts(of text: String) -> (metric: String, prompts: String) {
        if let at = text.lastIndex(of: "@"), PromptType(rawValue: String(text[text.index(after: at)...])) != nil {
            return (String(text[..<at]), String(text[text.index(after: at)...]))
        }
        return (text, MetricInfo.of(text).prompts)
    }

    /// The decision as a sentence.
    package func reason(_ decision: Decision) -> String {
        let since = decision.best.map { " since \($0.value.map { "\($0)" } ?? "") at step \($0.step)" } ?? ""
        let delta = minDelta > 0 ? " by more than \(minDelta)" : ""
        return
            "\(metric) has not become \(better == .lower ? "lower" : "higher")\(delta) for \(patience) values\(since); "
            + "enough at step \(decision.step)"
    }
}
