package import CoreNets
package import CoreTensor

/// Attention and feed-forward, each behind a layer norm and beside a residual.
package final class CLIPEncoderLayer: Module {
    let attention: CLIPAttention
    let norm1: LayerNorm
    let feedForward: CLIPMLP
    let norm2: LayerNorm

    package init(_ sizes: CLIPLayerSizes, causal: Bool) {
        attention = CLIPAttention(sizes, causal: causal)
        norm1 = LayerNorm(channels: sizes.width, epsilon: Float(sizes.normEpsilon))
        feedForward = CLIPMLP(sizes)
        norm2 = LayerNorm(channels: sizes.width, epsilon: Float(sizes.normEpsilon))
    }

    package var className: String { "CLIPEncoderLayer" }
    package var children: [(name: String, module: any Module)] {
        [("self_attn", attention), ("layer_norm1", norm1), ("mlp", feedForward), ("layer_norm2", norm2)]
    }

    /// - Parameter x: `[B, T, C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let h = attention(norm1(x), adding: x)
        return feedForward(norm2(h), adding: h)
    }
}
