/// One image to draw and what it is measured by.
package struct EvaluationPrompt: Equatable, Sendable {
    /// What the adapted model is asked.
    package var text: String
    /// What the base model is asked: the same without the trigger, which means nothing to it.
    package var baseText: String
    /// What the image is compared with: plain words only, no trigger.
    package var measuredText: String
    /// Names the starting noise, for base and adapter alike.
    package var seed: UInt64
    /// Images of one group share a prompt; diversity is measured inside a group.
    package var group: Int
    /// The picture whose caption it is: its place among the concept's trained pictures, or, of `holdout`
    /// prompts, among those that are held out. nil for other prompts.
    package var picture: Int?

    package init(
        text: String, baseText: String, measuredText: String, seed: UInt64, group: Int, picture: Int? = nil
    ) {
        self.text = text
        self.baseText = baseText
        self.measuredText = measuredText
        self.seed = seed
        self.group = group
        self.picture = picture
    }
}
