package import CoreNets
package import CoreTensor

/// The velocity network of Stable Diffusion 3 and 3.5, layer for layer as diffusers builds it from the same
/// `config.json`.
package final class SD3Transformer2DModel: Module {
    package let configuration: SD3Configuration
    let patches: PatchEmbed
    let embedding: TimeTextEmbedding
    let contextEmbedder: Linear
    let blocks: [JointTransformerBlock]
    let normOut: AdaptiveNorm
    let projectOut: Linear
    /// Activation checkpointing: less memory for a third more time; training steps only.
    package var checkpoints = false
    package let denoisingTimes = DenoisingTimes()

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: SD3Configuration) {
        self.configuration = configuration
        let width = configuration.width
        patches = PatchEmbed(configuration)
        embedding = TimeTextEmbedding(width: width, pooledWidth: configuration.pooledWidth, guidance: false)
        contextEmbedder = Linear(inputs: configuration.contextWidth, outputs: width)
        blocks = (0..<configuration.layers).map { index in
            JointTransformerBlock(
                width: width, heads: configuration.heads, last: index == configuration.layers - 1,
                norms: configuration.norms, dual: configuration.dualLayers.contains(index))
        }
        normOut = .continuous(width: width)
        projectOut = Linear(
            inputs: width, outputs: configuration.patchSize * configuration.patchSize * configuration.outChannels)
    }

    package var className: String { "SD3Transformer2DModel" }
    package var children: [(name: String, module: any Module)] {
        [("pos_embed", patches), ("time_text_embed", embedding), ("context_embedder", contextEmbedder)]
            + blocks.enumerated().map { ("transformer_blocks.\($0)", $1) }
            + [("norm_out", normOut), ("proj_out", projectOut)]
    }

    /// Predicts the velocity of noisy latents.
    ///
    /// - Parameters:
    ///   - latents: `[N, H, W, in]`; what does not fill a patch is cut.
    ///   - context: `[N, S, D]`, the text encoders' states.
    ///   - pooled: `[N, P]`, the pooled prompt.
    ///   - times: one for each sample, 0 (picture) to 1000 (noise).
    /// - Returns: `[N, H, W, out]`.
    package func callAsFunction(_ latents: Tensor, context: Tensor, pooled: Tensor, times: [Float]) -> Tensor {
        precondition(times.count == latents.shape[0] && context.shape[0] == latents.shape[0], "batches differ")
        if denoisingTimes.isFollowed { denoisingTimes.now = times }
        let time = silu(embedding(times, guidance: nil, pooled: pooled))
        var streams = (image: patches(latents), text: contextEmbedder(context))
        for block in blocks { streams = run(streams, time, block) }
        let tokens = projectOut(normOut.continuous(streams.image, time, epsilon: 1e-6))
        let (patch, out) = (configuration.patchSize, configuration.outChannels)
        let (height, width) = (latents.shape[1] / patch, latents.shape[2] / patch)
        let grid = tokens.reshaped([tokens.shape[0], height, width, patch, patch, out])
        return permuted(grid, [0, 1, 3, 2, 4, 5]).reshaped([tokens.shape[0], height * patch, width * patch, out])
    }

    private func run(
        _ streams: (image: Tensor, text: Tensor), _ time: Tensor, _ block: JointTransformerBlock
    ) -> (image: Tensor, text: Tensor) {
        guard checkpoints else { return block(streams.image, text: streams.text, time: time) }
        // A checkpointed body has one result: both streams as one sequence.
        let words = streams.text.shape[1]
        let joined = checkpointed([streams.image, streams.text, time]) {
            let result = block($0[0], text: $0[1], time: $0[2])
            return concatenateTokens(result.text, result.image)
        }
        return (slice(joined, tokens: words..<joined.shape[1]), slice(joined, tokens: 0..<words))
    }
}
