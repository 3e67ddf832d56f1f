package import CoreTensor

/// DoRA's magnitudes: W' = V · (strength · (m / ‖V‖ − 1) + 1), norms along output rows or input channels, not
/// detached.
///
/// - Parameters:
///   - v: W + ΔW, `[out, columns]`.
///   - magnitude: m, `[out]` or `[in]`.
///   - inputs: channels, fastest in a row; the norm of an input channel runs over rows and kernel positions.
/// - SeeAlso: Liu et al., arXiv:2402.09353; which axis: lycoris-lora 3.2 and later take rows.
package func doraWeight(_ v: Tensor, magnitude: Tensor, onOutput: Bool, inputs: Int, strength: Float) -> Tensor {
    let width = onOutput ? v.shape[0] : inputs
    precondition(magnitude.count == width, "\(magnitude.count) magnitudes for \(width) norms")
    let groups = MagnitudeGroups(onOutput: onOutput, width: width, run: onOutput ? v.shape[1] : inputs)
    let (held, m) = (v.detached(), magnitude.values)
    let norms = groups.products(held, held).map { Float($0.squareRoot()) }
    // torch.finfo(float32).eps, as the reference adds.
    let factors = (0..<width).map { strength * (m[$0] / (norms[$0] + Float.ulpOfOne) - 1) + 1 }
    let result = groups.combined(held, factors, nil, factors)
    return Tensor.custom(result, inputs: [v, magnitude]) { gradient in
        let products = groups.products(gradient, held)
        let pulls = (0..<width).map { w -> Float in
            let norm = norms[w] + Float.ulpOfOne
            return norms[w] == 0 ? 0 : -strength * m[w] / (norm * norm * norms[w]) * Float(products[w])
        }
        let slopes = (0..<width).map { strength * Float(products[$0]) / (norms[$0] + Float.ulpOfOne) }
        return [groups.combined(gradient, factors, held, pulls), Tensor(slopes, [width])]
    }
}

/// The runs of a weight that share a magnitude: a whole row belongs to one, or its elements to one each in
/// turn.
private struct MagnitudeGroups: Sendable {
    let onOutput: Bool
    /// How many magnitudes there are.
    let width: Int
    /// Elements of one run: a row, or the input channels at one kernel position.
    let run: Int

    /// Rows of the runs that one part of the work takes; fixed, so that sums do not depend on the thread
    /// count.
    private var runsPerPart: Int { max(1, (1 << 15) / max(1, run)) }

    /// Σ a·b for each magnitude, in f64.
    func products(_ a: Tensor, _ b: Tensor) -> [Double] {
        let runs = a.count / run
        let perPart = runsPerPart
        let parts = (runs + perPart - 1) / perPart
        // Rows have their own sum; channels get one partial sum for each part, added in order.
        var partial = [Double](repeating: 0, count: onOutput ? width : parts * width)
        partial.withUnsafeMutableBufferPointer { sums in
            let sums = sums.baseAddress!
            withElements(a.reading, b.reading) { a, b in
                Compute.parallel(parts) { part in
                    for r in part * perPart..<min(runs, (part + 1) * perPart) {
                        let (x, y) = (a + r * run, b + r * run)
                        if onOutput {
                            sums[r] = dotInDouble(x, y, run)
                        } else {
                            let target = sums + part * width
                            for i in 0..<run { target[i] += Double(x[i]) * Double(y[i]) }
                        }
                    }
                }
            }
        }
        if onOutput { return partial }
        return (0..<width).map { w in (0..<parts).reduce(0) { $0 + partial[$1 * width + w] } }
    }

    /// a · factors + b · pulls, each magnitude's number for its elements.
    func combined(_ a: Tensor, _ factors: [Float], _ b: Tensor?, _ pulls: [Float]) -> Tensor {
        let result = Tensor(uninitialized: a.shape)
        let runs = a.count / run
        let hasOther = b != nil
        withElements(a.reading, (b ?? result).reading, result.writing) { a, other, out in
            inRows(runs, each: run) { r in
                let (x, y, z) = (a + r * run, other + r * run, out + r * run)
                switch (onOutput, hasOther) {
                case (true, true):
                    let (factor, pull) = (factors[r], pulls[r])
                    for i in 0..<run { z[i] = factor * x[i] + pull * y[i] }
                case (true, false):
                    let factor = factors[r]
                    for i in 0..<run { z[i] = factor * x[i] }
                case (false, true):
                    let (f, p) = (factors.span, pulls.span)
                    for i in 0..<run { z[i] = f[unchecked: i] * x[i] + p[unchecked: i] * y[i] }
                case (false, false):
                    let f = factors.span
                    for i in 0..<run { z[i] = f[unchecked: i] * x[i] }
                }
            }
        }
        return result
    }
}
