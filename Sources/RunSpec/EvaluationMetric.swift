/// A metric that the core makes of a checkpoint: where it is measured, what it needs, and whether it is made
/// without being asked for. What it means stands in `MetricInfo`.
package struct EvaluationMetric: Equatable, Sendable {
    package let name: String
    /// Prompt types at which it is measured; empty where nothing is drawn for it.
    package let prompts: Set<PromptType>
    /// Prompt types whose images it needs.
    package let needs: Set<PromptType>
    /// Named encoders that can measure it.
    package let roles: Set<EncoderRole>
    /// Whether it is made unasked without a named encoder, and by one.
    private let isUsualPlain: Bool
    private let isUsualNamed: Bool

    private init(
        _ name: String, at prompts: Set<PromptType>, needs: Set<PromptType>? = nil, by roles: Set<EncoderRole> = [],
        plain: Bool = true, named: Bool = true
    ) {
        self.name = name
        self.prompts = prompts
        self.needs = needs ?? prompts
        self.roles = roles
        isUsualPlain = plain
        isUsualNamed = named
    }

    /// - Parameter role: what measures it; nil for the base's own encoders.
    package func isUsual(_ role: EncoderRole?) -> Bool { role == nil ? isUsualPlain : isUsualNamed }

    private static let all = Set(PromptType.allCases)
    private static let captions: Set<PromptType> = [.train, .holdout]
    /// Prompts that ask for the concept.
    private static let concept: Set<PromptType> = [.train, .trigger, .alter, .holdout]
    private static let seeing: Set<EncoderRole> = [.clip, .dinov2]

    package static let known: [EvaluationMetric] = [
        EvaluationMetric("paired_fidelity", at: captions, by: seeing),
        EvaluationMetric("own_picture_retrieval", at: captions, by: seeing),
        EvaluationMetric("image_similarity", at: all, by: seeing),
        EvaluationMetric("squared_centroid_distance", at: all, by: seeing),
        EvaluationMetric("heldout_image_similarity", at: all, by: seeing),
        EvaluationMetric("heldout_squared_centroid_distance", at: all, by: seeing),
        EvaluationMetric("text_similarity", at: all, by: [.clip]),
        EvaluationMetric("vendi", at: all, by: seeing),
        EvaluationMetric("nearest_training_similarity", at: concept, by: seeing),
        EvaluationMetric("copying", at: concept, by: seeing),
        EvaluationMetric("style_distance", at: [.style], by: [.vgg19]),
        EvaluationMetric("picture_style_distance", at: concept, by: [.vgg19], plain: false),
        EvaluationMetric("leakage", at: [.conceptFree], by: seeing),
        EvaluationMetric("clip_direction", at: [.alter], needs: [.alter, .trigger], by: [.clip], plain: false),
        EvaluationMetric("kid", at: concept, by: seeing, plain: false),
        EvaluationMetric("cmmd", at: concept, by: [.clip], plain: false),
        EvaluationMetric("paired_cmmd", at: all, by: [.clip], plain: false),
        EvaluationMetric("sliced_wasserstein", at: concept, by: seeing, plain: false),
        EvaluationMetric("psnr", at: captions, plain: false),
        EvaluationMetric("ssim", at: captions, plain: false),
        EvaluationMetric("ssim_uniform", at: captions, plain: false),
        EvaluationMetric("edit_psnr_inside", at: captions),
        EvaluationMetric("edit_psnr_outside", at: captions),
        EvaluationMetric("edit_psnr_gain", at: captions),
        EvaluationMetric("edit_ssim_inside", at: captions),
        EvaluationMetric("edit_ssim_outside", at: captions),
        EvaluationMetric("edit_ssim_gain", at: captions),
        EvaluationMetric("edit_failure", at: captions),
        EvaluationMetric("edit_lpips_inside", at: captions, by: [.lpips], plain: false),
        EvaluationMetric("edit_lpips_outside", at: captions, by: [.lpips], plain: false),
        EvaluationMetric("edit_lpips_gain", at: captions, by: [.lpips], plain: false),
        EvaluationMetric("saturation", at: all),
        EvaluationMetric("lpips", at: captions, by: [.lpips]),
        EvaluationMetric("pick_score", at: all, by: [.pickscore]),
        EvaluationMetric("hps_score", at: all, by: [.hpsv2]),
        EvaluationMetric("aesthetic_score", at: all, by: [.aesthetic]),
        EvaluationMetric("adapter_norm", at: []),
    ]

    /// Of a metric's name without an encoder; nil for what the core does not make. `vendi_q2`, `vendi_q0.5`
    /// and `vendi_qinf` are Vendi scores of another order, made where they are asked for.
    package static func named(_ name: String) -> EvaluationMetric? {
        if vendiOrder(name) != nil { return EvaluationMetric(name, at: all, by: seeing, plain: false, named: false) }
        return known.first { $0.name == name }
    }

    /// The order of a Vendi score that is not the usual one; infinity for `vendi_qinf`.
    package static func vendiOrder(_ name: String) -> Double? {
        guard name.hasPrefix("vendi_q"), let order = Double(name.dropFirst("vendi_q".count)), order >= 0 else {
            return nil
        }
        return order
    }
}
