package import CoreNets
package import CoreTensor

/// silu(first half) · second half of a linear layer, and back.
package final class Flux2FeedForward: Module {
    let projectIn, projectOut: Linear

    package init(width: Int, inner: Int) {
        projectIn = Linear(inputs: width, outputs: 2 * inner, bias: false)
        projectOut = Linear(inputs: inner, outputs: width, bias: false)
    }

    package var className: String { "Flux2FeedForward" }
    package var children: [(name: String, module: any Module)] {
        [("linear_in", projectIn), ("linear_out", projectOut)]
    }

    package func callAsFunction(_ x: Tensor) -> Tensor { projectOut(Self.gate(projectIn(x))) }

    static func gate(_ x: Tensor) -> Tensor {
        let halves = split(x, into: 2)
        return multiply(silu(halves[0]), halves[1])
    }
}

/// A block with a stream for the image and one for the text; its modulation is that of all such blocks.
package final class Flux2TransformerBlock: Module {
    let attention: JointAttention
    let feedForward, textFeedForward: Flux2FeedForward
    private let epsilon: Float

    package init(_ configuration: Flux2Configuration) {
        epsilon = Float(configuration.epsilon)
        attention = JointAttention(
            width: configuration.width, heads: configuration.heads, epsilon: epsilon,
            .init(className: "Flux2Attention", bias: false))
        feedForward = Flux2FeedForward(width: configuration.width, inner: configuration.feedForwardWidth)
        textFeedForward = Flux2FeedForward(width: configuration.width, inner: configuration.feedForwardWidth)
    }

    package var className: String { "Flux2TransformerBlock" }
    package var children: [(name: String, module: any Module)] {
        [("attn", attention), ("ff", feedForward), ("ff_context", textFeedForward)]
    }

    typealias Halves = (attention: Modulation, feedForward: Modulation)

    /// - Parameters:
    ///   - image: `[N, T, C]`.
    ///   - text: `[N, S, C]`.
    func callAsFunction(
        _ image: Tensor, text: Tensor, _ own: Halves, _ words: Halves, rotary: RotaryTable
    ) -> (image: Tensor, text: Tensor) {
        let mixed = attention(
            own.attention.norm(image, epsilon: epsilon), text: words.attention.norm(text, epsilon: epsilon),
            rotary: rotary)
        return (finish(image, mixed.image, own, feedForward), finish(text, mixed.text, words, textFeedForward))
    }

    private func finish(_ x: Tensor, _ mixed: Tensor, _ modulation: Halves, _ feedForward: Flux2FeedForward) -> Tensor {
        let h = gated(mixed, by: modulation.attention.gate, adding: x)
        let wide = feedForward(modulation.feedForward.norm(h, epsilon: epsilon))
        return gated(wide, by: modulation.feedForward.gate, adding: h)
    }
}

/// A block over both streams as one sequence, whose attention and feed-forward part share their projections.
package final class Flux2SingleTransformerBlock: Module {
    let attention: Flux2ParallelAttention
    private let epsilon: Float

    package init(_ configuration: Flux2Configuration) {
        epsilon = Float(configuration.epsilon)
        attention = Flux2ParallelAttention(configuration)
    }

    package var className: String { "Flux2SingleTransformerBlock" }
    package var children: [(name: String, module: any Module)] { [("attn", attention)] }

    func callAsFunction(_ x: Tensor, _ modulation: Modulation, rotary: RotaryTable) -> Tensor {
        let h = attention(modulation.norm(x, epsilon: epsilon), rotary: rotary)
        return gated(h, by: modulation.gate, adding: x)
    }
}

/// Attention and feed-forward part side by side, behind one linear layer and before another.
package final class Flux2ParallelAttention: Module {
    let projectIn, projectOut: Linear
    let queryNorm, keyNorm: RMSNorm
    private let heads, width: Int

    package init(_ configuration: Flux2Configuration) {
        (heads, width) = (configuration.heads, configuration.width)
        let inner = configuration.feedForwardWidth
        projectIn = Linear(inputs: width, outputs: 3 * width + 2 * inner, bias: false)
        projectOut = Linear(inputs: width + inner, outputs: width, bias: false)
        queryNorm = RMSNorm(channels: configuration.headSize, epsilon: Float(configuration.epsilon))
        keyNorm = RMSNorm(channels: configuration.headSize, epsilon: Float(configuration.epsilon))
    }

    package var className: String { "Flux2ParallelSelfAttention" }
    package var children: [(name: String, module: any Module)] {
        [("to_qkv_mlp_proj", projectIn), ("norm_q", queryNorm), ("norm_k", keyNorm), ("to_out", projectOut)]
    }

    /// - Parameter x: `[N, T, C]`.
    package func callAsFunction(_ x: Tensor, rotary: RotaryTable) -> Tensor {
        let all = projectIn(x)
        let parts = (0..<3).map { slice(all, channels: $0 * width..<($0 + 1) * width) }
        let mixed = CoreTensor.attention(
            query: rotary.turn(queryNorm(parts[0], heads: heads), heads: heads),
            key: rotary.turn(keyNorm(parts[1], heads: heads), heads: heads), value: parts[2], heads: heads)
        let wide = Flux2FeedForward.gate(slice(all, channels: 3 * width..<all.shape[2]))
        return projectOut(concatenate(mixed, wide))
    }
}
