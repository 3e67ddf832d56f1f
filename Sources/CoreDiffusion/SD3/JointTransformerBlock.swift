package import CoreNets
package import CoreTensor

/// A block of Stable Diffusion 3: a stream for the image and one for the text, which meet in the attention.
package final class JointTransformerBlock: Module {
    let norm, textNorm: AdaptiveNorm
    let attention: JointAttention
    /// A second attention, over the image alone.
    let imageAttention: JointAttention?
    let feedForward: TransformerFeedForward
    /// Nil in the last block, whose text is not read any more.
    let textFeedForward: TransformerFeedForward?

    package init(width: Int, heads: Int, last: Bool, norms: Bool, dual: Bool) {
        norm = AdaptiveNorm(
            width: width, parts: dual ? 9 : 6, className: dual ? "SD35AdaLayerNormZeroX" : "AdaLayerNormZero")
        textNorm =
            last ? .continuous(width: width) : AdaptiveNorm(width: width, parts: 6, className: "AdaLayerNormZero")
        attention = JointAttention(
            width: width, heads: heads,
            .init(className: "Attention", order: .imageFirst, norms: norms, textOut: !last))
        imageAttention =
            dual
            ? JointAttention(
                width: width, heads: heads,
                .init(className: "Attention", order: .imageFirst, norms: norms, joint: false)) : nil
        feedForward = TransformerFeedForward(width: width)
        textFeedForward = last ? nil : TransformerFeedForward(width: width)
    }

    package var className: String { "JointTransformerBlock" }
    package var children: [(name: String, module: any Module)] {
        [("norm1", norm), ("norm1_context", textNorm), ("attn", attention)]
            + (imageAttention.map { [("attn2", $0)] } ?? []) + [("ff", feedForward)]
            + (textFeedForward.map { [("ff_context", $0)] } ?? [])
    }

    /// - Parameters:
    ///   - image: `[N, T, C]`.
    ///   - text: `[N, S, C]`.
    ///   - time: silu of the embedding, `[N, C]`.
    /// - Returns: both streams; of the last block the text as it came.
    package func callAsFunction(_ image: Tensor, text: Tensor, time: Tensor) -> (image: Tensor, text: Tensor) {
        let parts = norm(time)
        let own = FluxTransformerBlock.halves(parts)
        let normed = own.attention.norm(image, epsilon: 1e-6)
        let second = imageAttention.map { attention in
            let modulation = Modulation(parts[6..<9])
            return (modulation, attention(modulation.norm(image, epsilon: 1e-6)))
        }
        guard let textFeedForward else {
            let mixed = attention(normed, text: textNorm.continuous(text, time, epsilon: 1e-6))
            return (finish(image, mixed.image, own, second), text)
        }
        let words = FluxTransformerBlock.halves(textNorm(time))
        let mixed = attention(normed, text: words.attention.norm(text, epsilon: 1e-6))
        return (
            finish(image, mixed.image, own, second),
            FluxTransformerBlock.finish(text, mixed.text, words, textFeedForward)
        )
    }

    private func finish(
        _ image: Tensor, _ mixed: Tensor, _ own: (attention: Modulation, feedForward: Modulation),
        _ second: (Modulation, Tensor)?
    ) -> Tensor {
        guard let (modulation, alone) = second else {
            return FluxTransformerBlock.finish(image, mixed, own, feedForward)
        }
        var h = gated(mixed, by: own.attention.gate, adding: image)
        h = gated(alone, by: modulation.gate, adding: h)
        return gated(
            feedForward(own.feedForward.norm(h, epsilon: 1e-6)), by: own.feedForward.gate, adding: h)
    }
}
