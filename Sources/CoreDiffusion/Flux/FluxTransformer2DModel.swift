package import CoreNets
package import CoreTensor

/// The velocity network of Flux.1, layer for layer as diffusers builds it from the same `config.json`.
package final class FluxTransformer2DModel: Module {
    package let configuration: FluxConfiguration
    let embedding: TimeTextEmbedding
    let contextEmbedder: Linear
    let imageEmbedder: Linear
    let blocks: [FluxTransformerBlock]
    let singleBlocks: [FluxSingleTransformerBlock]
    let normOut: AdaptiveNorm
    let projectOut: Linear
    /// Activation checkpointing: less memory for a third more time; training steps only.
    package var checkpoints = false
    package let denoisingTimes = DenoisingTimes()

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: FluxConfiguration) {
        self.configuration = configuration
        let (width, heads) = (configuration.width, configuration.heads)
        embedding = TimeTextEmbedding(
            width: width, pooledWidth: configuration.pooledWidth, guidance: configuration.guidance)
        contextEmbedder = Linear(inputs: configuration.contextWidth, outputs: width)
        imageEmbedder = Linear(inputs: configuration.inChannels, outputs: width)
        blocks = (0..<configuration.layers).map { _ in FluxTransformerBlock(width: width, heads: heads) }
        singleBlocks = (0..<configuration.singleLayers).map { _ in
            FluxSingleTransformerBlock(width: width, heads: heads)
        }
        normOut = .continuous(width: width)
        projectOut = Linear(inputs: width, outputs: configuration.outChannels)
    }

    package var className: String { "FluxTransformer2DModel" }
    package var children: [(name: String, module: any Module)] {
        [("time_text_embed", embedding), ("context_embedder", contextEmbedder), ("x_embedder", imageEmbedder)]
            + blocks.enumerated().map { ("transformer_blocks.\($0)", $1) }
            + singleBlocks.enumerated().map { ("single_transformer_blocks.\($0)", $1) }
            + [("norm_out", normOut), ("proj_out", projectOut)]
    }

    /// Predicts the velocity of noisy tokens.
    ///
    /// - Parameters:
    ///   - tokens: `[N, T, in]`.
    ///   - context: `[N, S, D]`, the text encoder's states.
    ///   - pooled: `[N, P]`, the pooled prompt.
    ///   - times: one for each sample, 0 (picture) to 1 (noise).
    ///   - guidance: one for each sample; needed where the model has an embedding of it.
    ///   - textIDs: S places.
    ///   - imageIDs: T places.
    /// - Returns: `[N, T, out]`.
    package func callAsFunction(
        _ tokens: Tensor, context: Tensor, pooled: Tensor, times: [Float], guidance: [Float]?, textIDs: [[Float]],
        imageIDs: [[Float]]
    ) -> Tensor {
        precondition(times.count == tokens.shape[0] && context.shape[0] == tokens.shape[0], "batches differ")
        if denoisingTimes.isFollowed { denoisingTimes.now = times.map { $0 * 1000 } }
        let rotary = RotaryTable(ids: textIDs + imageIDs, axes: configuration.axes, theta: 10000)
        let time = self.time(times, guidance: guidance, pooled: pooled)
        var streams: Streams = (image: imageEmbedder(tokens), text: contextEmbedder(context))
        for block in blocks {
            streams = run(streams, time) { block($0.image, text: $0.text, time: $1, rotary: rotary) }
        }
        return finish(streams, time: time, rotary: rotary)
    }

    typealias Streams = (image: Tensor, text: Tensor)

    /// silu of the embedding, which is all that blocks read of it.
    func time(_ times: [Float], guidance: [Float]?, pooled: Tensor) -> Tensor {
        silu(embedding(times.map { $0 * 1000 }, guidance: guidance?.map { $0 * 1000 }, pooled: pooled))
    }

    /// From the last double block on.
    func finish(_ streams: Streams, time: Tensor, rotary: RotaryTable) -> Tensor {
        let words = streams.text.shape[1]
        var joined = concatenateTokens(streams.text, streams.image)
        for (index, block) in singleBlocks.enumerated() {
            let first = index == singleBlocks.count - 1 ? words : 0
            if checkpoints {
                joined = checkpointed([joined, time]) { block($0[0], time: $0[1], rotary: rotary, from: first) }
            } else {
                joined = block(joined, time: time, rotary: rotary, from: first)
            }
        }
        let image = singleBlocks.isEmpty ? slice(joined, tokens: words..<joined.shape[1]) : joined
        return projectOut(normOut.continuous(image, time, epsilon: 1e-6))
    }

    private func run(_ streams: Streams, _ time: Tensor, _ block: @escaping (Streams, Tensor) -> Streams) -> Streams {
        guard checkpoints else { return block(streams, time) }
        // A checkpointed body has one result: both streams as one sequence.
        let words = streams.text.shape[1]
        let joined = checkpointed([streams.image, streams.text, time]) {
            let result = block((image: $0[0], text: $0[1]), $0[2])
            return concatenateTokens(result.text, result.image)
        }
        return (slice(joined, tokens: words..<joined.shape[1]), slice(joined, tokens: 0..<words))
    }
}

extension FluxTransformer2DModel {
    /// The places of latents `height` × `width` packed two by two: (0, row, column).
    package static func imageIDs(height: Int, width: Int, index: Float = 0) -> [[Float]] {
        (0..<height / 2).flatMap { row in (0..<width / 2).map { [index, Float(row), Float($0)] } }
    }

    /// Latents to tokens of 2 × 2 pixels; a token holds channel, row, column, in this order.
    ///
    /// - Parameter latents: `[N, H, W, C]` with even sides.
    /// - Returns: `[N, H / 2 · W / 2, 4 C]`.
    package static func packed(_ latents: Tensor) -> Tensor {
        let (count, height, width, channels) = (
            latents.shape[0], latents.shape[1] / 2, latents.shape[2] / 2, latents.shape[3]
        )
        return permuted(latents.reshaped([count, height, 2, width, 2, channels]), [0, 1, 3, 5, 2, 4])
            .reshaped([count, height * width, 4 * channels])
    }

    /// The inverse of `packed` for latents of that size.
    package static func unpacked(_ tokens: Tensor, height: Int, width: Int) -> Tensor {
        let channels = tokens.shape[2] / 4
        let grid = tokens.reshaped([tokens.shape[0], height / 2, width / 2, channels, 2, 2])
        return permuted(grid, [0, 1, 4, 2, 5, 3]).reshaped([tokens.shape[0], height, width, channels])
    }
}
