package import CoreNets
package import CoreTensor

/// The network of a pipeline that sees noisy latents: a U-Net, or a transformer that predicts a velocity.
package protocol Denoiser: Module {
    /// Of the latents that it reads and answers.
    var latentChannels: Int { get }
    /// Both sides of latents are multiples of it.
    var latentStep: Int { get }
    /// Side of the latents that it was trained on; nil where its configuration does not say.
    var trainedSide: Int? { get }
    /// Of latents that it can place; nil for any.
    var longestSide: Int? { get }
    /// Whether it has an embedding of the guidance, so that none is computed by a second pass.
    var embedsGuidance: Bool { get }
    /// Of the samples that it looks at.
    var denoisingTimes: DenoisingTimes { get }
    /// Activation checkpointing: less memory for a third more time; training steps only.
    var checkpoints: Bool { get set }

    /// - Parameters:
    ///   - latents: `[N, H, W, C]`.
    ///   - times: one for each sample, up to 1000; may be fractional.
    ///   - cache: keeps the prompt's keys and values over the steps of a sampling run, where they stay the
    ///     same.
    /// - Returns: shaped as the latents.
    func predict(_ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?) -> Tensor
}

extension Denoiser {
    package var longestSide: Int? { nil }
}

extension UNet2DConditionModel: Denoiser {
    package var latentChannels: Int { configuration.inChannels }
    package var latentStep: Int { 1 }
    package var trainedSide: Int? { configuration.sampleSize }
    package var embedsGuidance: Bool { false }

    package func predict(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?
    ) -> Tensor {
        self(sample: latents, timesteps: times, context: condition.states, added: condition.added, cache: cache)
    }
}

extension SD3Transformer2DModel: Denoiser {
    package var latentChannels: Int { configuration.inChannels }
    package var latentStep: Int { configuration.patchSize }
    package var trainedSide: Int? { configuration.sampleSize }
    package var longestSide: Int? { configuration.placesSide * configuration.patchSize }
    package var embedsGuidance: Bool { false }

    package func predict(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?
    ) -> Tensor {
        guard let pooled = condition.pooled else { preconditionFailure("a transformer without a pooled prompt") }
        return self(latents, context: condition.states, pooled: pooled, times: times)
    }
}

extension FluxTransformer2DModel: Denoiser {
    package var latentChannels: Int { configuration.inChannels / 4 }
    package var latentStep: Int { 2 }
    package var trainedSide: Int? { nil }
    package var embedsGuidance: Bool { configuration.guidance }

    package func predict(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?
    ) -> Tensor {
        guard let pooled = condition.pooled else { preconditionFailure("a transformer without a pooled prompt") }
        let (height, width) = (latents.shape[1], latents.shape[2])
        let guidance = condition.guidance ?? 1
        let tokens = self(
            Self.packed(latents), context: condition.states, pooled: pooled, times: times.map { $0 / 1000 },
            guidance: embedsGuidance ? times.map { _ in guidance } : nil,
            textIDs: Array(repeating: [0, 0, 0], count: condition.states.shape[1]),
            imageIDs: Self.imageIDs(height: height, width: width))
        return Self.unpacked(tokens, height: height, width: width)
    }
}
