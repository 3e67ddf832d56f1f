package import CoreNets
package import CoreTensor

/// The wide part of a layer: linear, gelu, linear; or gated, out(silu(a) · b), in the largest model.
package final class Dinov2FeedForward: Module {
    let isGated: Bool
    let first, second: Linear

    package init(_ configuration: Dinov2Configuration) {
        isGated = configuration.usesSwiGLU
        let wide = configuration.intermediateWidth
        first = Linear(inputs: configuration.width, outputs: isGated ? 2 * wide : wide)
        second = Linear(inputs: wide, outputs: configuration.width)
    }

    package var className: String { isGated ? "Dinov2SwiGLUFFN" : "Dinov2MLP" }
    package var children: [(name: String, module: any Module)] {
        isGated ? [("weights_in", first), ("weights_out", second)] : [("fc1", first), ("fc2", second)]
    }

    package func callAsFunction(_ x: Tensor) -> Tensor {
        let h = first(x)
        guard isGated else { return second(gelu(h)) }
        let width = second.inputs
        return second(
            multiply(silu(slice(h, channels: 0..<width)), slice(h, channels: width..<2 * width)))
    }
}
