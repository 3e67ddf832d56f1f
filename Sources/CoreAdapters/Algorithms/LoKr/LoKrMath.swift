package import CoreTensor

/// LoKr weight W + scale · w1 ⊗ w2: row `a·K₂ + b`, input channel `c·N₂ + d` is
/// `scale · w1[a, c] · w2[b, tap, d]`.
///
/// - Parameters:
///   - base: `[L·K₂, taps·M·N₂]`, frozen; nil gives ΔW alone.
///   - small: w1, `[L, M]`.
///   - large: w2, `[K₂, taps·N₂]`, channels fastest.
///   - taps: kernel positions.
/// - SeeAlso: Edalati et al., “KronA”, arXiv:2212.10650; Yeh et al., arXiv:2309.14859.
package func lokrWeight(base: Tensor?, small: Tensor, large: Tensor, taps: Int, scale: Float) -> Tensor {
    precondition(large.shape[1] % taps == 0, "\(large.shape) does not hold \(taps) kernel positions")
    let (w1, w2) = (small.detached(), large.detached())
    let result = KroneckerLoops.product(base: base, w1, w2, taps: taps, scale: scale)
    return Tensor.custom(result, inputs: [small, large]) { gradient in
        let (onSmall, onLarge) = KroneckerLoops.gradients(gradient, w1, w2, taps: taps, scale: scale)
        return [onSmall, onLarge]
    }
}
