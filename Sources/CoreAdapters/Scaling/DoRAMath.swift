package import CoreTensor

/// DoRA's magnitudes: W' = V · (strength · (m / ‖V‖ − 1) + 1), norms along output rows or input channels, not detached.
///
/// - Parameters:
///   - v: W + ΔW, `[out, columns]`.
///   - magnitude: m, `[out]` or `[in]`.
///   - inputs: channels, fastest in a row; the norm of an input channel runs over rows and kernel positions.
/// - SeeAlso: Liu et al., arXiv:2402.09353; which axis: lycoris-lora 3.2 and later take rows.
package func doraWeight(_ v: Tensor, magnitude: Tensor, onOutput: Bool, inputs: Int, strength: Float) -> Tensor {
    let (count, columns) = (v.count, v.shape[1])
    let width = onOutput ? v.shape[0] : inputs
    precondition(magnitude.count == width, "\(magnitude.count) magnitudes for \(width) norms")
    @inline(__always) func group(_ i: Int) -> Int { onOutput ? i / columns : i % inputs }
    let (held, m) = (v.detached(), magnitude.values)
    var squares = [Double](repeating: 0, count: width)
    held.withBuffer { v in for i in 0..<count { squares[group(i)] += Double(v[i]) * Double(v[i]) } }
    let norms = squares.map { Float($0.squareRoot()) }
    // torch.finfo(float32).eps, as the reference adds.
    let factors = (0..<width).map { strength * (m[$0] / (norms[$0] + Float.ulpOfOne) - 1) + 1 }
    let result = Tensor(uninitialized: v.shape)
    result.withMutableBuffer { out in
        held.withBuffer { v in for i in 0..<count { out[i] = v[i] * factors[group(i)] } }
    }
    return Tensor.custom(result, inputs: [v, magnitude]) { gradient in
        var products = [Double](repeating: 0, count: width)
        let onV = Tensor(uninitialized: held.shape)
        gradient.withBuffer { g in
            held.withBuffer { v in
                for i in 0..<count { products[group(i)] += Double(g[i]) * Double(v[i]) }
                let pulls = (0..<width).map { w -> Float in
                    let norm = norms[w] + Float.ulpOfOne
                    return norms[w] == 0 ? 0 : -strength * m[w] / (norm * norm * norms[w]) * Float(products[w])
                }
                onV.withMutableBuffer { out in
                    for i in 0..<count { out[i] = factors[group(i)] * g[i] + pulls[group(i)] * v[i] }
                }
            }
        }
        let slopes = (0..<width).map { strength * Float(products[$0]) / (norms[$0] + Float.ulpOfOne) }
        return [onV, Tensor(slopes, [width])]
    }
}
