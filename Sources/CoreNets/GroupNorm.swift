package import CoreTensor

/// Normalisation over groups of channels and all positions of a sample, as `torch.nn.GroupNorm`.
package final class GroupNorm: Module {
    package let groups: Int
    package let epsilon: Float
    /// `[C]`
    package let weight: Parameter
    /// `[C]`
    package let bias: Parameter
    package var adapter: (any NormAdapter)?

    package init(groups: Int, channels: Int, epsilon: Float) {
        precondition(channels % groups == 0, "\(channels) channels cannot be split into \(groups) groups")
        self.groups = groups
        self.epsilon = epsilon
        self.weight = Parameter(shape: [channels])
        self.bias = Parameter(shape: [channels])
    }

    package var className: String { "GroupNorm" }
    package var parameters: [(name: String, parameter: Parameter)] { [("weight", weight), ("bias", bias)] }

    /// - Parameter x: `[N, ..., C]`; the activation is applied to the normalised values in the same pass.
    package func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
        let plain = (weight: weight.tensor, bias: bias.tensor)
        let affine = adapter?.affine(weight: plain.weight, bias: plain.bias) ?? plain
        return groupNorm(
            x, groups: groups, weight: affine.weight, bias: affine.bias, epsilon: epsilon, activation: activation)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        weight.fill(1)
        bias.fill(0)
    }
}
