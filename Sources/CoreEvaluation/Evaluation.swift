package import ImageFiles
package import RunSpec

/// What one checkpoint was found to be: all metrics, a sheet for a person's eye, and what was drawn for it.
package struct Evaluation: Sendable {
    /// What was drawn for one class and prompt type.
    package struct Drawing: Sendable {
        package let `class`: String
        package let prompts: PromptType
        package let images: [RGBImage]
        /// For each image the picture whose caption it was drawn from, in the images' size; empty for prompts
        /// that are no captions.
        package let own: [RGBImage]
        /// Of each image: what it was asked to show, in plain words.
        package let texts: [String]
        /// The starting noise of each.
        package let seeds: [UInt64]
        /// What the base model draws from the same noise.
        package let baseImages: [RGBImage]
        /// The concept's pictures that the prompts are about.
        package let references: [RGBImage]
    }

    package let rows: [EvaluationRow]
    package let sheet: RGBImage
    package let drawings: [Drawing]

    /// The value of a metric; nil if it was not measured.
    ///
    /// - Parameter class: empty for the average over classes.
    package func value(_ metric: String, _ prompts: PromptType, class: String = "") -> Double? {
        rows.first { $0.metric == metric && $0.prompts == prompts.rawValue && $0.class == `class` }?.value
    }
}
