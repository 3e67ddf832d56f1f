package import CoreNets
package import CoreTensor

/// Attention and feed-forward, each behind a layer norm, scaled channel by channel and beside a residual.
package final class Dinov2Layer: Module {
    let norm1, norm2: LayerNorm
    let attention: Dinov2Attention
    let scale1, scale2: Dinov2LayerScale
    let feedForward: Dinov2FeedForward

    package init(_ configuration: Dinov2Configuration) {
        let (width, epsilon) = (configuration.width, Float(configuration.normEpsilon))
        norm1 = LayerNorm(channels: width, epsilon: epsilon)
        attention = Dinov2Attention(configuration)
        scale1 = Dinov2LayerScale(width: width)
        norm2 = LayerNorm(channels: width, epsilon: epsilon)
        feedForward = Dinov2FeedForward(configuration)
        scale2 = Dinov2LayerScale(width: width)
    }

    package var className: String { "Dinov2Layer" }
    package var children: [(name: String, module: any Module)] {
        [
            ("norm1", norm1), ("attention", attention), ("layer_scale1", scale1), ("norm2", norm2),
            ("mlp", feedForward), ("layer_scale2", scale2),
        ]
    }

    /// - Parameter x: `[B, T, C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let h = add(x, scale1(attention(norm1(x))))
        return add(h, scale2(feedForward(norm2(h))))
    }
}
