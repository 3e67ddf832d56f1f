package import CoreTensor

/// Applies w1 of a Kronecker product to groups of channels: `y[p, a, :] = Σ_c w1[a, c] · x[p, c, :]`.
///
/// With it ΔW x needs no ΔW: a linear layer mixes first and multiplies `[positions·L, N₂]` by w2ᵀ.
/// - Parameters:
///   - x: `[positions, M·width]`.
///   - small: w1, `[L, M]`.
///   - width: channels of a group.
/// - Returns: `[positions, L·width]`.
package func mixGroups(_ x: Tensor, _ small: Tensor, width: Int) -> Tensor {
    let (outer, groups) = (small.shape[0], small.shape[1])
    let positions = x.count / (groups * width)
    let result = Tensor(uninitialized: [positions, outer * width])
    let (input, w1) = (x.detached(), small.detached())
    let wantsInput = x.requiresGradient
    KroneckerLoops.mix(input, w1, transposed: false, width: width, into: result)
    return Tensor.custom(result, inputs: [x, small]) { gradient in
        var onInput: Tensor?
        if wantsInput {
            let slope = Tensor(uninitialized: input.shape)
            KroneckerLoops.mix(gradient, w1, transposed: true, width: width, into: slope)
            onInput = slope
        }
        return [onInput, KroneckerLoops.products(gradient, input, outer: outer, groups: groups, width: width)]
    }
}
