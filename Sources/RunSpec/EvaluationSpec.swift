/// The kinds of prompts a checkpoint is evaluated with.
package enum PromptType: String, CaseIterable, Codable, Hashable, Sendable {
    /// Training captions.
    case train
    /// The trigger word alone.
    case trigger
    /// The trigger in changed settings: what the prompt adds must appear.
    case alter
    /// The class word in painted styles, without the trigger: what the base could do must remain.
    case style
    /// Captions of pictures that are held out.
    case holdout
    /// Other things than the concept, with neither trigger nor class word: nothing of it may show.
    case conceptFree = "concept-free"

    /// What is drawn where nobody chooses.
    package static let usual: [PromptType] = [.train, .trigger, .alter, .style]
    /// What a sweep file chooses from. `holdout` is not among them: it is drawn wherever a share is held out.
    package static let choices: [PromptType] = usual + [.conceptFree]
}

/// How every checkpoint of a job is evaluated.
package struct EvaluationSpec: Codable, Equatable, Sendable {
    /// Chosen ones; `drawn` says what is drawn.
    package var prompts: [PromptType]
    /// Images per prompt type and class; image i uses seed 1000 + i for base and adapter alike.
    package var images: Int
    package var sampler: String
    package var steps: Int
    package var guidance: Double
    /// Share of each concept's pictures that are not trained on but measured against, above 0 and at most a
    /// half; nil for none. It decides the training too.
    package var holdout: Double?
    /// Keys of the metrics that are made, as `MetricSelection` reads them; nil for the usual ones.
    package var metrics: [String]?
    /// How named encoders see pictures that are not square; nil as their own libraries prepare them. The
    /// base's own encoders always crop.
    package var fit: PictureFit?
    /// nil for the plain one.
    package var promptSet: PromptSet?
    /// Programs that measure what is drawn; nil for none.
    package var external: [ExternalMetric]?
    /// Of pairs: guidance by the picture that an edit begins with; nil for `usualImageGuidance`.
    package var imageGuidance: Double?
    /// Added to the seeds of the images; prompts are other ones too, as far as they can be compared. So
    /// nothing is seen again that a choice was made by. nil for the usual ones.
    package var fresh: Int?

    package init(
        prompts: [PromptType] = PromptType.usual, images: Int = 100, sampler: String = "ddim", steps: Int = 25,
        guidance: Double = 7, holdout: Double? = nil, metrics: [String]? = nil, fit: PictureFit? = nil,
        promptSet: PromptSet? = nil
    ) {
        self.prompts = prompts
        self.images = images
        self.sampler = sampler
        self.steps = steps
        self.guidance = guidance
        self.holdout = holdout
        self.metrics = metrics
        self.fit = fit
        self.promptSet = promptSet
    }

    package var selection: MetricSelection { MetricSelection(metrics) }

    /// The types that are drawn, in their order: those that a wanted metric needs.
    package var drawn: [PromptType] {
        let types = prompts.filter { $0 != .holdout } + (holdout == nil ? [] : [.holdout])
        // What a program measures, nobody knows.
        return external == nil ? selection.drawn(types) : types
    }

    /// `fresh` of the evaluation that judges a choice once more.
    package static let freshNoise = 2_000_000
    /// From here on style prompts stay as they are, with other noise: drift from the base differs by a
    /// multiple from one painted style to the next, so only that of the same prompts can be compared. Earlier
    /// programs took other ones, with 1,000,000.
    package static let freshNoiseOfSameStyles = 2_000_000

    /// As in InstructPix2Pix.
    package static let usualImageGuidance = 1.5

    /// A share as people write it: `20 %`, `20%` or `0.2`.
    ///
    /// - Returns: nil for what is no number above 0 and at most a half.
    package static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        let digits = text.filter { $0 != " " && $0 != "%" }
        guard text.filter({ $0 == "%" }).count <= 1, let number = Double(digits) else { return nil }
        let share = isPercent ? number / 100 : number
        return share > 0 && share <= 0.5 ? share : nil
    }

    /// What is drawn where nobody says otherwise.
    package static let standard = EvaluationSpec()

    package static let samplers = ["ddim", "euler", "dpm++2m", "heun"]
}
