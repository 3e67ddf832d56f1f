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
}

/// How every checkpoint of a job is evaluated.
package struct EvaluationSpec: Codable, Equatable, Sendable {
    package var prompts: [PromptType]
    /// Images per prompt type and class; image i uses seed 1000 + i for base and adapter alike.
    package var images: Int
    package var sampler: String
    package var steps: Int
    package var guidance: Double

    package init(
        prompts: [PromptType] = PromptType.allCases, images: Int = 100, sampler: String = "ddim", steps: Int = 25,
        guidance: Double = 7
    ) {
        self.prompts = prompts
        self.images = images
        self.sampler = sampler
        self.steps = steps
        self.guidance = guidance
    }

    /// What is drawn where nobody says otherwise.
    package static let standard = EvaluationSpec()

    package static let samplers = ["ddim", "euler", "dpm++2m"]
}
