package import ImageFiles
package import RunSpec

/// What one checkpoint was found to be: all metrics, and the sheet for a person's eye.
package struct Evaluation: Sendable {
    package let rows: [EvaluationRow]
    package let sheet: RGBImage

    /// The value of a metric; nil if it was not measured.
    ///
    /// - Parameter class: empty for the average over classes.
    package func value(_ metric: String, _ prompts: PromptType, class: String = "") -> Double? {
        rows.first { $0.metric == metric && $0.prompts == prompts.rawValue && $0.class == `class` }?.value
    }
}
