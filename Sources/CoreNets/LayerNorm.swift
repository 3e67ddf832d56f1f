package import CoreTensor

/// Normalisation over the last axis, as `torch.nn.LayerNorm`.
package final class LayerNorm: Module {
    package let epsilon: Float
    /// `[C]`
    package let weight: Parameter
    /// `[C]`
    package let bias: Parameter
    package var adapter: (any NormAdapter)?

    package init(channels: Int, epsilon: Float) {
        self.epsilon = epsilon
        self.weight = Parameter(shape: [channels])
        self.bias = Parameter(shape: [channels])
    }

    package var className: String { "LayerNorm" }
    package var parameters: [(name: String, parameter: Parameter)] { [("weight", weight), ("bias", bias)] }

    /// - Parameter x: `[..., C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let plain = (weight: weight.tensor, bias: bias.tensor)
        let affine = adapter?.affine(weight: plain.weight, bias: plain.bias) ?? plain
        return layerNorm(x, weight: affine.weight, bias: affine.bias, epsilon: epsilon)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        weight.fill(1)
        bias.fill(0)
    }
}
