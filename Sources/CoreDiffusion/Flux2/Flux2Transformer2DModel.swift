package import CoreNets
package import CoreTensor

/// The velocity network of Flux.2, layer for layer as diffusers builds it from the same `config.json`.
package final class Flux2Transformer2DModel: Module {
    package let configuration: Flux2Configuration
    let embedding: Flux2TimeEmbedding
    let imageModulation, textModulation, singleModulation: AdaptiveNorm
    let imageEmbedder, contextEmbedder: Linear
    let blocks: [Flux2TransformerBlock]
    let singleBlocks: [Flux2SingleTransformerBlock]
    let normOut: AdaptiveNorm
    let projectOut: Linear

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: Flux2Configuration) {
        self.configuration = configuration
        let width = configuration.width
        embedding = Flux2TimeEmbedding(configuration)
        func modulation(_ parts: Int) -> AdaptiveNorm {
            AdaptiveNorm(width: width, parts: parts, bias: false, className: "Flux2Modulation")
        }
        (imageModulation, textModulation, singleModulation) = (modulation(6), modulation(6), modulation(3))
        imageEmbedder = Linear(inputs: configuration.inChannels, outputs: width, bias: false)
        contextEmbedder = Linear(inputs: configuration.contextWidth, outputs: width, bias: false)
        blocks = (0..<configuration.layers).map { _ in Flux2TransformerBlock(configuration) }
        singleBlocks = (0..<configuration.singleLayers).map { _ in Flux2SingleTransformerBlock(configuration) }
        normOut = .continuous(width: width, bias: false)
        projectOut = Linear(inputs: width, outputs: configuration.outChannels, bias: false)
    }

    package var className: String { "Flux2Transformer2DModel" }
    package var children: [(name: String, module: any Module)] {
        let head: [(name: String, module: any Module)] = [
            ("time_guidance_embed", embedding), ("double_stream_modulation_img", imageModulation),
            ("double_stream_modulation_txt", textModulation), ("single_stream_modulation", singleModulation),
            ("x_embedder", imageEmbedder), ("context_embedder", contextEmbedder),
        ]
        return head + blocks.enumerated().map { ("transformer_blocks.\($0)", $1) }
            + singleBlocks.enumerated().map { ("single_transformer_blocks.\($0)", $1) }
            + [("norm_out", normOut), ("proj_out", projectOut)]
    }

    /// Predicts the velocity of noisy tokens.
    ///
    /// - Parameters:
    ///   - tokens: `[N, T, in]`.
    ///   - context: `[N, S, D]`, the text encoder's states.
    ///   - times: one for each sample, 0 (picture) to 1 (noise).
    ///   - guidance: one for each sample; read only where the model has an embedding of it.
    ///   - textIDs: S places.
    ///   - imageIDs: T places.
    /// - Returns: `[N, T, out]`.
    package func callAsFunction(
        _ tokens: Tensor, context: Tensor, times: [Float], guidance: [Float]?, textIDs: [[Float]],
        imageIDs: [[Float]]
    ) -> Tensor {
        precondition(times.count == tokens.shape[0] && context.shape[0] == tokens.shape[0], "batches differ")
        let rotary = RotaryTable(ids: textIDs + imageIDs, axes: configuration.axes, theta: configuration.theta)
        let time = silu(embedding(times.map { $0 * 1000 }, guidance: guidance?.map { $0 * 1000 }))
        let own = FluxTransformerBlock.halves(imageModulation(time))
        let words = FluxTransformerBlock.halves(textModulation(time))
        var streams = (image: imageEmbedder(tokens), text: contextEmbedder(context))
        for block in blocks {
            streams = block(streams.image, text: streams.text, own, words, rotary: rotary)
        }
        let length = streams.text.shape[1]
        var joined = concatenateTokens(streams.text, streams.image)
        let single = Modulation(singleModulation(time)[...])
        for block in singleBlocks { joined = block(joined, single, rotary: rotary) }
        let image = slice(joined, tokens: length..<joined.shape[1])
        return projectOut(normOut.continuous(image, time, epsilon: Float(configuration.epsilon)))
    }
}

/// The embedding of time, and of the guidance where the model was distilled with it.
package final class Flux2TimeEmbedding: Module {
    let time: TimestepEmbedding
    let guidance: TimestepEmbedding?
    private let features: Int

    package init(_ configuration: Flux2Configuration) {
        features = configuration.timeWidth
        time = TimestepEmbedding(inputs: features, width: configuration.width, bias: false)
        guidance =
            configuration.guidance
            ? TimestepEmbedding(inputs: features, width: configuration.width, bias: false) : nil
    }

    package var className: String { "Flux2TimestepGuidanceEmbeddings" }
    package var children: [(name: String, module: any Module)] {
        [("timestep_embedder", time)] + (guidance.map { [("guidance_embedder", $0)] } ?? [])
    }

    /// - Parameters: times and guidance times 1000.
    package func callAsFunction(_ times: [Float], guidance scales: [Float]?) -> Tensor {
        let sum = time(TimestepEmbedding.features(times, width: features, flip: true, shift: 0))
        guard let guidance, let scales else { return sum }
        return add(sum, guidance(TimestepEmbedding.features(scales, width: features, flip: true, shift: 0)))
    }
}
