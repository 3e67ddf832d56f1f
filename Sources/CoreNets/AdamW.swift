import CoreTensor

/// Adam with decoupled weight decay, step for step as `torch.optim.AdamW`:
/// p ← p (1 − η λ) − η m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).
///
/// - SeeAlso: Loshchilov and Hutter, “Decoupled weight decay regularization”, ICLR 2019, arXiv:1711.05101.
package final class AdamW {
    /// Rates may be changed between steps.
    package var groups: [ParameterGroup]
    /// In f64: 1 − 0.999 in f32 is off by 5e-5.
    package let betas: (Double, Double)
    package let epsilon: Float
    /// Steps done; restored with the state.
    package var stepCount = 0

    private struct Moments {
        let name: String
        let tensor: Tensor
        let group: Int
        let first: Tensor
        let second: Tensor
    }
    private let moments: [Moments]

    package init(groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Float = 1e-8) {
        self.groups = groups
        self.betas = betas
        self.epsilon = epsilon
        self.moments = groups.enumerated().flatMap { g, group in
            group.tensors.enumerated().map { i, tensor in
                Moments(
                    name: group.names.isEmpty ? "\(g).\(i)" : group.names[i], tensor: tensor, group: g,
                    first: .zeros(tensor.shape), second: .zeros(tensor.shape))
            }
        }
    }

    /// Updates every tensor that has a gradient.
    ///
    /// - Parameter rate: the schedule's factor, multiplied with each group's rate.
    package func step(rate: Float = 1) {
        stepCount += 1
        OperationTimes.measure(.optimizer) { update(rate: rate) }
    }

    private func update(rate: Float) {
        let correction1 = 1 - power(betas.0, stepCount)
        let correction2 = 1 - power(betas.1, stepCount)
        for moment in moments {
            guard let gradient = moment.tensor.gradient else { continue }
            let group = groups[moment.group]
            let learningRate = group.learningRate * rate
            let update = AdamWUpdate(
                rest1: Float(1 - betas.0), beta2: Float(betas.1), rest2: Float(1 - betas.1), epsilon: epsilon,
                decay: 1 - learningRate * group.weightDecay,
                rate: Float(Double(learningRate) / correction1),
                scale: Float(1 / correction2.squareRoot()))
            update.apply(to: moment.tensor, gradient: gradient, first: moment.first, second: moment.second)
        }
    }

    /// Forgets the gradients of every tensor, before the next step adds up its own.
    package func zeroGradients() {
        for moment in moments { moment.tensor.gradient = nil }
    }

    /// The moments, for a checkpoint: `NAME.exp_avg` and `NAME.exp_avg_sq`. `stepCount` is saved beside them.
    package func exportState() -> [(name: String, shape: [Int], floats: [Float])] {
        moments.flatMap {
            [
                ($0.name + ".exp_avg", $0.first.shape, $0.first.values),
                ($0.name + ".exp_avg_sq", $0.second.shape, $0.second.values),
            ]
        }
    }

    /// Takes over what `exportState` gave.
    ///
    /// - Parameter read: the shape and values of a name; nil if the state has no such name.
    /// - Throws: `NetsError.wrongState` if anything is missing or of another shape; then nothing was changed.
    package func importState(stepCount: Int, read: (String) throws -> (shape: [Int], floats: [Float])?) throws {
        var found: [(Tensor, [Float])] = []
        for moment in moments {
            for (suffix, tensor) in [(".exp_avg", moment.first), (".exp_avg_sq", moment.second)] {
                guard let state = try read(moment.name + suffix) else {
                    throw NetsError(code: .wrongState, message: "the state has no \(moment.name + suffix)")
                }
                guard state.shape == tensor.shape else {
                    throw NetsError(
                        code: .wrongState,
                        message: "\(moment.name + suffix): found shape \(state.shape), wanted \(tensor.shape)")
                }
                found.append((tensor, state.floats))
            }
        }
        for (tensor, floats) in found { tensor.withMutableBuffer { _ = $0.update(fromContentsOf: floats) } }
        self.stepCount = stepCount
    }
}

/// base^exponent by squaring: the same bits on every machine, unlike a library's `pow`.
private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}
