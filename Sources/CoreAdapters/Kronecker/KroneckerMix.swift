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
    mix(input, w1, transposed: false, outer, groups, width, positions, into: result)
    return Tensor.custom(result, inputs: [x, small]) { gradient in
        var onInput: Tensor?
        if wantsInput {
            let slope = Tensor(uninitialized: input.shape)
            mix(gradient, w1, transposed: true, groups, outer, width, positions, into: slope)
            onInput = slope
        }
        return [onInput, groupProducts(gradient, input, outer, groups, width, positions)]
    }
}

/// out[p, a] = Σ_c w[a, c] · x[p, c] over runs of `width`; `w` is read as its transpose for the backward pass.
private func mix(
    _ x: Tensor, _ w: Tensor, transposed: Bool, _ outer: Int, _ groups: Int, _ width: Int, _ positions: Int,
    into result: Tensor
) {
    let weights = w.values
    x.withBuffer { x in
        weights.withUnsafeBufferPointer { w in
            result.withMutableBuffer { out in
                let (x, w, out) = (x.baseAddress!, w.baseAddress!, out.baseAddress!)
                inRows(positions, each: outer * groups * width) { p in
                    for a in 0..<outer {
                        let target = out + (p * outer + a) * width
                        for c in 0..<groups {
                            let factor = transposed ? w[c * outer + a] : w[a * groups + c]
                            let source = x + (p * groups + c) * width
                            if c == 0 {
                                for d in 0..<width { target[d] = factor * source[d] }
                            } else {
                                for d in 0..<width { target[d] += factor * source[d] }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// dw[a, c] = Σ_p ⟨g[p, a], x[p, c]⟩, partial sums of fixed parts of the positions added in order.
private func groupProducts(
    _ gradient: Tensor, _ x: Tensor, _ outer: Int, _ groups: Int, _ width: Int, _ positions: Int
) -> Tensor {
    let cells = outer * groups
    let perPart = max(1, (1 << 17) / (cells * width))
    let parts = (positions + perPart - 1) / perPart
    let partial = UnsafeMutablePointer<Float>.allocate(capacity: parts * cells)
    partial.initialize(repeating: 0, count: parts * cells)
    defer { partial.deallocate() }
    let result = Tensor.zeros([outer, groups])
    gradient.withBuffer { g in
        x.withBuffer { x in
            let (g, x) = (g.baseAddress!, x.baseAddress!)
            Compute.parallel(parts) { part in
                let sums = partial + part * cells
                for p in part * perPart..<min(positions, (part + 1) * perPart) {
                    for a in 0..<outer {
                        for c in 0..<groups {
                            sums[a * groups + c] += dot(
                                g + (p * outer + a) * width, x + (p * groups + c) * width, width)
                        }
                    }
                }
            }
        }
    }
    result.withMutableBuffer { out in
        for part in 0..<parts {
            for cell in 0..<cells { out[cell] += partial[part * cells + cell] }
        }
    }
    return result
}

/// Σ x·y in lanes, since a plain float sum is not vectorised.
@inline(__always)
func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD8<Float>()
    var i = 0
    while i + 8 <= count {
        lanes +=
            UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
            * UnsafeRawPointer(y + i).loadUnaligned(as: SIMD8<Float>.self)
        i += 8
    }
    var sum = lanes.sum()
    while i < count {
        sum += x[i] * y[i]
        i += 1
    }
    return sum
}
