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

    /// What a sweep file chooses from. `holdout` is not among them: it is drawn wherever a share is held out.
    package static let choices: [PromptType] = [.train, .trigger, .alter, .style]
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
    /// Metrics that are wanted, without `base_` and `bound_`, which come with theirs; nil for all.
    package var metrics: [String]?
    /// Programs that measure what is drawn; nil for none.
    package var external: [ExternalMetric]?
    /// Added to the seeds of the images and to the places of their prompts, so that nothing is seen again that
    /// a choice was made by; nil for the usual ones.
    package var fresh: Int?

    package init(
        prompts: [PromptType] = PromptType.choices, images: Int = 100, sampler: String = "ddim", steps: Int = 25,
        guidance: Double = 7, holdout: Double? = nil
    ) {
        self.prompts = prompts
        self.images = images
        self.sampler = sampler
        self.steps = steps
        self.guidance = guidance
        self.holdout = holdout
    }

    /// The types that are drawn, in their order.
    package var drawn: [PromptType] { prompts.filter { $0 != .holdout } + (holdout == nil ? [] : [.holdout]) }

    /// The part of a metric's name that says what it is: without `base_` and `bound_`, and the encoder.
    private static func stem(_ metric: String) -> Substring {
        var name = metric.prefix { $0 != "@" }
        for prefix in ["base_", "bound_"] where name.hasPrefix(prefix) { name = name.dropFirst(prefix.count) }
        return name
    }

    /// Whether a metric is the wanted one, or its floor or bound; a name without an encoder means any.
    package static func isSame(_ metric: String, as wanted: String) -> Bool {
        wanted == metric || (wanted.contains("@") ? metric.hasSuffix("_" + wanted) : stem(metric) == wanted)
    }

    /// Whether the metric is wanted, or the floor or the bound of one that is.
    package func wants(_ metric: String) -> Bool {
        metrics.map { $0.contains { Self.isSame(metric, as: $0) } } ?? true
    }

    /// `fresh` of the evaluation that judges a choice once more.
    package static let freshNoise = 1_000_000

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

    package static let samplers = ["ddim", "euler", "dpm++2m"]
}
