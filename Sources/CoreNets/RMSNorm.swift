package import CoreTensor

/// Normalisation by the root of the mean square of the last axis, as `torch.nn.RMSNorm`.
package final class RMSNorm: Module {
    package let epsilon: Float
    package let className: String
    /// `[C]`
    package let weight: Parameter

    /// - Parameter className: transformers has a name of its own for T5's.
    package init(channels: Int, epsilon: Float, className: String = "RMSNorm") {
        self.epsilon = epsilon
        self.className = className
        self.weight = Parameter(shape: [channels])
    }

    package var parameters: [(name: String, parameter: Parameter)] { [("weight", weight)] }

    /// - Parameter x: `[..., C]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        rmsNorm(x, weight: weight.tensor, epsilon: epsilon)
    }

    /// The norm of every head by itself.
    ///
    /// - Parameter x: `[B, T, heads · C]`.
    package func callAsFunction(_ x: Tensor, heads: Int) -> Tensor {
        let shape = x.shape
        return self(x.reshaped([shape[0], shape[1], heads, shape[2] / heads])).reshaped(shape)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) { weight.fill(1) }
}
