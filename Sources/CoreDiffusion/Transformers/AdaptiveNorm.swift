package import CoreNets
package import CoreTensor

/// A linear layer that makes the shifts, scales and gates of a block from the embedding of time, prompt and
/// guidance.
///
/// It covers diffusers' `AdaLayerNormZero` (6 parts), `AdaLayerNormZeroSingle` (3), `SD35AdaLayerNormZeroX`
/// (9) and `AdaLayerNormContinuous` (2): they differ in what the block does with the parts.
package final class AdaptiveNorm: Module {
    package let className: String
    let linear: Linear
    let parts: Int

    package init(width: Int, parts: Int, bias: Bool = true, className: String) {
        self.className = className
        self.parts = parts
        linear = Linear(inputs: width, outputs: parts * width, bias: bias)
    }

    package var children: [(name: String, module: any Module)] { [("linear", linear)] }

    /// - Parameter embedding: silu of the embedding, `[N, C]`.
    /// - Returns: `parts` tensors `[N, C]`.
    package func callAsFunction(_ embedding: Tensor) -> [Tensor] { split(linear(embedding), into: parts) }
}

extension AdaptiveNorm {
    /// The last norm of a network or of its text stream, whose parts are scale and shift.
    ///
    /// - Parameters:
    ///   - x: `[N, T, C]`.
    ///   - embedding: silu of the embedding, `[N, C]`.
    package func continuous(_ x: Tensor, _ embedding: Tensor, epsilon: Float) -> Tensor {
        let parts = self(embedding)
        return modulatedLayerNorm(x, scale: parts[0], shift: parts[1], epsilon: epsilon)
    }

    static func continuous(width: Int, bias: Bool = true) -> AdaptiveNorm {
        AdaptiveNorm(width: width, parts: 2, bias: bias, className: "AdaLayerNormContinuous")
    }
}

/// How one sublayer reads the embedding: LN(x)(1 + scale) + shift before it, and its result times the gate.
package struct Modulation {
    package let shift, scale, gate: Tensor

    /// - Parameter parts: shift, scale and gate, in this order.
    init(_ parts: ArraySlice<Tensor>) {
        let parts = Array(parts)
        precondition(parts.count == 3, "\(parts.count) parts of a modulation")
        (shift, scale, gate) = (parts[0], parts[1], parts[2])
    }

    func norm(_ x: Tensor, epsilon: Float) -> Tensor {
        modulatedLayerNorm(x, scale: scale, shift: shift, epsilon: epsilon)
    }
}
