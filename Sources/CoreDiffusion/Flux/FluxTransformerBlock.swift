package import CoreNets
package import CoreTensor

/// A block with a stream for the image and one for the text, which meet in the attention.
package final class FluxTransformerBlock: Module {
    let norm, textNorm: AdaptiveNorm
    let attention: JointAttention
    let feedForward, textFeedForward: TransformerFeedForward

    package init(width: Int, heads: Int) {
        norm = AdaptiveNorm(width: width, parts: 6, className: "AdaLayerNormZero")
        textNorm = AdaptiveNorm(width: width, parts: 6, className: "AdaLayerNormZero")
        attention = JointAttention(width: width, heads: heads, .init(className: "FluxAttention"))
        feedForward = TransformerFeedForward(width: width)
        textFeedForward = TransformerFeedForward(width: width)
    }

    package var className: String { "FluxTransformerBlock" }
    package var children: [(name: String, module: any Module)] {
        [
            ("norm1", norm), ("norm1_context", textNorm), ("attn", attention), ("ff", feedForward),
            ("ff_context", textFeedForward),
        ]
    }

    /// - Parameters:
    ///   - image: `[N, T, C]`.
    ///   - text: `[N, S, C]`.
    ///   - time: silu of the embedding, `[N, C]`.
    package func callAsFunction(
        _ image: Tensor, text: Tensor, time: Tensor, rotary: RotaryTable
    ) -> (image: Tensor, text: Tensor) {
        let (own, words) = (Self.halves(norm(time)), Self.halves(textNorm(time)))
        let mixed = attention(
            own.attention.norm(image, epsilon: 1e-6), text: words.attention.norm(text, epsilon: 1e-6), rotary: rotary)
        return (
            Self.finish(image, mixed.image, own, feedForward), Self.finish(text, mixed.text, words, textFeedForward)
        )
    }

    /// What a stream does with its attention's result.
    static func finish(
        _ x: Tensor, _ mixed: Tensor, _ modulation: (attention: Modulation, feedForward: Modulation),
        _ feedForward: TransformerFeedForward
    ) -> Tensor {
        let h = gated(mixed, by: modulation.attention.gate, adding: x)
        let wide = feedForward(modulation.feedForward.norm(h, epsilon: 1e-6))
        return gated(wide, by: modulation.feedForward.gate, adding: h)
    }

    /// A stream's six parts: those of the attention and those of the feed-forward layer.
    static func halves(_ parts: [Tensor]) -> (attention: Modulation, feedForward: Modulation) {
        (Modulation(parts[0..<3]), Modulation(parts[3..<6]))
    }
}

/// A block over both streams as one sequence, text first; attention and feed-forward run side by side.
package final class FluxSingleTransformerBlock: Module {
    let norm: AdaptiveNorm
    let projectIn, projectOut: Linear
    let attention: JointAttention

    package init(width: Int, heads: Int) {
        norm = AdaptiveNorm(width: width, parts: 3, className: "AdaLayerNormZeroSingle")
        projectIn = Linear(inputs: width, outputs: 4 * width)
        projectOut = Linear(inputs: 5 * width, outputs: width)
        attention = JointAttention(
            width: width, heads: heads, .init(className: "FluxAttention", joint: false, out: false))
    }

    package var className: String { "FluxSingleTransformerBlock" }
    package var children: [(name: String, module: any Module)] {
        [("norm", norm), ("proj_mlp", projectIn), ("proj_out", projectOut), ("attn", attention)]
    }

    /// - Parameters:
    ///   - x: `[N, S + T, C]`.
    ///   - time: silu of the embedding, `[N, C]`.
    ///   - first: the first token whose result is wanted: behind a last block nobody reads those of the text.
    /// - Returns: `[N, S + T - first, C]`.
    package func callAsFunction(_ x: Tensor, time: Tensor, rotary: RotaryTable, from first: Int = 0) -> Tensor {
        let modulation = Modulation(norm(time)[...])
        let h = modulation.norm(x, epsilon: 1e-6)
        guard first > 0 else { return finish(x, h, attention(h, rotary: rotary), modulation) }
        let wanted = first..<x.shape[1]
        let own = slice(h, tokens: wanted)
        return finish(slice(x, tokens: wanted), own, attention(h, asking: own, rotary: rotary), modulation)
    }

    private func finish(_ x: Tensor, _ h: Tensor, _ mixed: Tensor, _ modulation: Modulation) -> Tensor {
        gated(projectOut(concatenate(mixed, geluTanh(projectIn(h)))), by: modulation.gate, adding: x)
    }
}
