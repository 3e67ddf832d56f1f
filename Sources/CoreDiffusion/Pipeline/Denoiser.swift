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
    /// How the picture that an edit begins with is read.
    var sourceReading: SourceReading { get }
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
    /// Runs `body`, which calls the network without gradients, in a precision; in bf16 each weight is packed
    /// once for all calls.
    ///
    /// - Throws: what `body` throws.
    package func drawing<R>(in precision: Precision, _ body: () throws -> R) rethrows -> R {
        defer {
            if precision != .f32 { for (_, parameter) in allParameters() { parameter.tensor.dropPanels() } }
        }
        return try precision.apply { try precision == .f32 ? body() : Precision.keepingPanels(body) }
    }
}

extension Denoiser {
    package var longestSide: Int? { nil }
    package var sourceReading: SourceReading { .none }
}

/// How a network reads the picture that an edit begins with.
package enum SourceReading: Sendable {
    /// Not at all.
    case none
    /// Encoded and not scaled, as channels behind those of the latents; zeros for none (InstructPix2Pix).
    case channels
    /// Encoded and scaled as latents are, as tokens behind theirs (Flux.1 Kontext).
    case tokens
}

extension UNet2DConditionModel: Denoiser {
    package var latentChannels: Int { configuration.outChannels }
    package var latentStep: Int { 1 }
    package var trainedSide: Int? { configuration.sampleSize }
    package var embedsGuidance: Bool { false }
    package var sourceReading: SourceReading { sourceChannels > 0 ? .channels : .none }

    package func predict(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?
    ) -> Tensor {
        self(
            sample: sourced(latents, condition.source), timesteps: times, context: condition.states,
            added: condition.added, cache: cache)
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
    package var sourceReading: SourceReading { .tokens }

    /// A source stands as tokens behind the latents' own, with 1 on the first axis of their places, and its
    /// part of the answer is dropped (Black Forest Labs, "FLUX.1 Kontext", arXiv:2506.15742).
    package func predict(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache?
    ) -> Tensor {
        guard let pooled = condition.pooled else { preconditionFailure("a transformer without a pooled prompt") }
        let (height, width) = (latents.shape[1], latents.shape[2])
        let guidance = condition.guidance ?? 1
        let own = Self.packed(latents)
        var places = Self.imageIDs(height: height, width: width)
        if let source = condition.source {
            places += Self.imageIDs(height: source.shape[1], width: source.shape[2], index: 1)
        }
        let tokens = self(
            condition.source.map { concatenateTokens(own, Self.packed($0)) } ?? own, context: condition.states,
            pooled: pooled, times: times.map { $0 / 1000 },
            guidance: embedsGuidance ? times.map { _ in guidance } : nil,
            textIDs: Array(repeating: [0, 0, 0], count: condition.states.shape[1]), imageIDs: places)
        let answer = condition.source == nil ? tokens : slice(tokens, tokens: 0..<own.shape[1])
        return Self.unpacked(answer, height: height, width: width)
    }
}
