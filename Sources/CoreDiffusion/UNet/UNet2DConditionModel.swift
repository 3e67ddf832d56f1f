package import CoreNets
package import CoreTensor

/// The denoising network of Stable Diffusion 1.x, 2.x and XL, layer for layer as diffusers builds it from the
/// same `config.json`.
package final class UNet2DConditionModel: Module {
    package let configuration: UNetConfiguration
    var convIn: Conv2d
    let timeEmbedding: TimestepEmbedding
    let addEmbedding: TimestepEmbedding?
    let downBlocks: [UNetDownBlock]
    let middleBlock: UNetMiddleBlock?
    let upBlocks: [UNetUpBlock]
    let normOut: GroupNorm
    let convOut: Conv2d
    /// Activation checkpointing: less memory for a third more time; training steps only.
    package var checkpoints = false
    package let denoisingTimes = DenoisingTimes()

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: UNetConfiguration) {
        self.configuration = configuration
        let width = configuration.blockOutChannels[0]
        convIn = Conv2d(inputs: configuration.inChannels, outputs: width, kernel: 3, padding: Padding(1))
        timeEmbedding = TimestepEmbedding(inputs: width, width: configuration.timeWidth)
        addEmbedding = configuration.addition.map {
            TimestepEmbedding(inputs: $0.inputWidth, width: configuration.timeWidth)
        }
        downBlocks = (0..<configuration.levels).map { UNetDownBlock(configuration, level: $0) }
        middleBlock = configuration.middle ? UNetMiddleBlock(configuration) : nil
        upBlocks = (0..<configuration.levels).map { UNetUpBlock(configuration, index: $0) }
        normOut = GroupNorm(
            groups: configuration.normGroups, channels: width, epsilon: Float(configuration.normEpsilon))
        convOut = Conv2d(inputs: width, outputs: configuration.outChannels, kernel: 3, padding: Padding(1))
    }

    package var className: String { "UNet2DConditionModel" }
    package var children: [(name: String, module: any Module)] {
        var all: [(name: String, module: any Module)] = [("conv_in", convIn), ("time_embedding", timeEmbedding)]
        if let addEmbedding { all.append(("add_embedding", addEmbedding)) }
        all += downBlocks.enumerated().map { ("down_blocks.\($0)", $1) }
        all += upBlocks.enumerated().map { ("up_blocks.\($0)", $1) }
        if let middleBlock { all.append(("mid_block", middleBlock)) }
        return all + [("conv_norm_out", normOut), ("conv_out", convOut)]
    }

    /// SDXL's extra conditions.
    package struct Added {
        /// The second text encoder's projected vector, `[N, P]`.
        package let text: Tensor
        /// Six sizes for each sample: original height and width, crop top and left, target height and width.
        package let sizes: [[Float]]

        package init(text: Tensor, sizes: [[Float]]) {
            self.text = text
            self.sizes = sizes
        }
    }

    /// Predicts the noise (or what else the model was trained for) in a noisy latent.
    ///
    /// - Parameters:
    ///   - sample: `[N, H, W, inputs]`; H and W may be odd.
    ///   - timesteps: one for each sample; may be fractional.
    ///   - context: `[N, S, D]`, the text encoder's states.
    ///   - added: needed exactly when the configuration has an addition embedding.
    ///   - cache: keeps the prompt's keys and values over the steps of a sampling run.
    /// - Returns: `[N, H, W, out]`.
    package func callAsFunction(
        sample: Tensor, timesteps: [Float], context: Tensor, added: Added? = nil, cache: ContextCache? = nil
    ) -> Tensor {
        precondition(timesteps.count == sample.shape[0], "\(timesteps.count) timesteps for \(sample.shape[0]) samples")
        precondition(context.shape[0] == sample.shape[0], "context \(context.shape) for sample \(sample.shape)")
        if denoisingTimes.isFollowed { denoisingTimes.now = timesteps }
        let cache = denoisingTimes.isFollowed ? nil : cache
        // The blocks only ever read silu of the embedding.
        let time = silu(embedding(of: timesteps, added: added))
        let conditions = UNetConditions(time: time, context: context, cache: cache, checkpoints: checkpoints)
        var h = convIn(sample)
        var skips = [h]
        for block in downBlocks { h = block(h, conditions, skips: &skips) }
        if let middleBlock { h = middleBlock(h, conditions) }
        for block in upBlocks { h = block(h, conditions, skips: &skips) }
        return convOut(normOut(h, activation: .silu))
    }

    /// The time embedding before its activation, `[N, T]`.
    private func embedding(of timesteps: [Float], added: Added?) -> Tensor {
        let (flip, shift) = (configuration.flipSineToCosine, configuration.frequencyShift)
        let features = TimestepEmbedding.features(
            timesteps, width: configuration.blockOutChannels[0], flip: flip, shift: shift)
        let time = timeEmbedding(features)
        guard let addEmbedding, let addition = configuration.addition else { return time }
        guard let added else { preconditionFailure("this U-Net needs pooled text and sizes") }
        let sizes = TimestepEmbedding.features(
            added.sizes.flatMap { $0 }, width: addition.timeWidth, flip: flip, shift: shift
        ).reshaped([added.sizes.count, 6 * addition.timeWidth])
        return add(time, addEmbedding(concatenate(added.text, sizes)))
    }
}

extension Transformer2DModel {
    /// The transformer of a U-Net level.
    convenience init(_ configuration: UNetConfiguration, level: Int) {
        self.init(
            width: configuration.blockOutChannels[level], contextWidth: configuration.crossAttentionWidth[level],
            heads: configuration.heads[level], layers: configuration.transformerLayers[level],
            linearProjection: configuration.useLinearProjection, groups: configuration.normGroups)
    }
}
