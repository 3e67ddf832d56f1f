package import CoreTensor

/// y = x Wᵀ + b, as `torch.nn.Linear`.
package final class Linear: Module {
    package let inputs: Int
    package let outputs: Int
    /// `[out, in]`
    package let weight: Parameter
    /// `[out]`
    package let bias: Parameter?
    package var adapter: (any LayerAdapter)?

    package init(inputs: Int, outputs: Int, bias: Bool = true) {
        self.inputs = inputs
        self.outputs = outputs
        self.weight = Parameter(shape: [outputs, inputs])
        self.bias = bias ? Parameter(shape: [outputs]) : nil
    }

    package var className: String { "Linear" }

    package var parameters: [(name: String, parameter: Parameter)] {
        [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
    }

    /// - Parameters:
    ///   - x: `[..., in]`.
    ///   - residual: `[..., out]`, added to the result.
    package func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        adapter?.forward(x, through: self, adding: residual) ?? base(x, adding: residual)
    }

    /// The layer without its adapter.
    package func base(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        linear(x, weight: weight.tensor, bias: bias?.tensor, adding: residual)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        weight.fillUniform(bound: 1 / Float(inputs).squareRoot(), seed: seed, path: path + ".weight")
        bias?.fillUniform(bound: 1 / Float(inputs).squareRoot(), seed: seed, path: path + ".bias")
    }
}
