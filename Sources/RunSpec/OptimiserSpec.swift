/// How the adapter's numbers are changed: optimiser, learning rates and their course.
package struct OptimiserSpec: Codable, Equatable, Sendable {
    /// `adamw`.
    package var name: String
    package var learningRate: Double
    /// 0 freezes the text encoder; nil where the layers select none of it.
    package var textEncoderLearningRate: Double?
    package var weightDecay: Double
    package var betas: [Double]
    package var epsilon: Double
    package var warmupSteps: Int
    package var schedule: Schedule
    /// Restarts of `cosine-restarts`.
    package var cycles: Int
    /// 0 for no clipping.
    package var maxGradNorm: Double
    /// Batches of an optimiser step.
    package var gradientAccumulation: Int

    /// - Throws: `RunSpecError` without a learning rate.
    init(_ read: ParameterReader) throws(RunSpecError) {
        name = read.text("optimizer")
        learningRate = try read.required("lr", \.number)
        textEncoderLearningRate = read.optionalNumber("text_encoder_lr")
        weightDecay = read.number("weight_decay")
        betas = read.numbers("betas")
        epsilon = read.number("epsilon")
        warmupSteps = read.integer("warmup_steps")
        schedule = read.choice("schedule")
        cycles = read.integer("lr_cycles")
        maxGradNorm = read.number("max_grad_norm")
        gradientAccumulation = read.integer("grad_accumulation")
    }

    private enum CodingKeys: String, CodingKey {
        case name = "optimizer"
        case learningRate, textEncoderLearningRate, weightDecay, betas, epsilon, warmupSteps, schedule, cycles
        case maxGradNorm, gradientAccumulation
    }
}
