package import CoreNets
package import CoreTensor

/// Self-attention, cross-attention and feed-forward, each behind a layer norm and beside a residual.
package final class BasicTransformerBlock: Module {
    let norm1, norm2, norm3: LayerNorm
    let selfAttention: Attention
    let crossAttention: Attention
    let feedForward: FeedForward

    package init(width: Int, contextWidth: Int, heads: Int) {
        norm1 = LayerNorm(channels: width, epsilon: 1e-5)
        selfAttention = Attention(width: width, heads: heads)
        norm2 = LayerNorm(channels: width, epsilon: 1e-5)
        crossAttention = Attention(width: width, contextWidth: contextWidth, heads: heads)
        norm3 = LayerNorm(channels: width, epsilon: 1e-5)
        feedForward = FeedForward(width: width)
    }

    package var className: String { "BasicTransformerBlock" }
    package var children: [(name: String, module: any Module)] {
        [
            ("norm1", norm1), ("attn1", selfAttention), ("norm2", norm2), ("attn2", crossAttention), ("norm3", norm3),
            ("ff", feedForward),
        ]
    }

    /// - Parameters:
    ///   - x: `[B, T, C]`.
    ///   - context: `[B, S, D]`.
    package func callAsFunction(_ x: Tensor, context: Tensor, cache: ContextCache? = nil) -> Tensor {
        var h = selfAttention(norm1(x), adding: x)
        h = crossAttention(norm2(h), context: context, adding: h, cache: cache)
        return feedForward(norm3(h), adding: h)
    }
}
