package import CoreTensor

/// LoKr weight W + scale · w1 ⊗ w2: row `a·K₂ + b`, input channel `c·N₂ + d` is `scale · w1[a, c] · w2[b, tap, d]`.
///
/// - Parameters:
///   - base: `[L·K₂, taps·M·N₂]`, frozen; nil gives ΔW alone.
///   - small: w1, `[L, M]`.
///   - large: w2, `[K₂, taps·N₂]`, channels fastest.
///   - taps: kernel positions.
/// - SeeAlso: Edalati et al., “KronA”, arXiv:2212.10650; Yeh et al., arXiv:2309.14859.
package func lokrWeight(base: Tensor?, small: Tensor, large: Tensor, taps: Int, scale: Float) -> Tensor {
    let shape = KroneckerShape(small: small, large: large, taps: taps)
    let result = Tensor(uninitialized: [shape.rows, shape.columns])
    let (w1, w2) = (small.detached(), large.detached())
    w1.withBuffer { w1 in
        w2.withBuffer { w2 in
            result.withMutableBuffer { out in
                if let base {
                    base.withBuffer { shape.product($0.baseAddress!, w1, w2, scale, out) }
                } else {
                    shape.product(nil, w1, w2, scale, out)
                }
            }
        }
    }
    return Tensor.custom(result, inputs: [small, large]) { gradient in
        let (onSmall, onLarge) = (Tensor.zeros(w1.shape), Tensor.zeros(w2.shape))
        gradient.withBuffer { g in
            w1.withBuffer { w1 in
                w2.withBuffer { w2 in
                    onSmall.withMutableBuffer { d1 in
                        onLarge.withMutableBuffer { d2 in shape.gradients(g, w1, w2, scale, d1, d2) }
                    }
                }
            }
        }
        return [onSmall, onLarge]
    }
}

/// The loops over a Kronecker product's entries, runs of `inner` channels at a time.
private struct KroneckerShape: Sendable {
    /// w1 is `[outer, groups]`, w2 is `[block, taps, inner]`.
    let outer, groups, block, taps, inner: Int
    var rows: Int { outer * block }
    var columns: Int { taps * groups * inner }

    init(small: Tensor, large: Tensor, taps: Int) {
        precondition(large.shape[1] % taps == 0, "\(large.shape) does not hold \(taps) kernel positions")
        (outer, groups) = (small.shape[0], small.shape[1])
        (block, self.taps, inner) = (large.shape[0], taps, large.shape[1] / taps)
    }

    func product(
        _ base: UnsafePointer<Float>?, _ w1: UnsafeBufferPointer<Float>, _ w2: UnsafeBufferPointer<Float>,
        _ scale: Float, _ out: UnsafeMutableBufferPointer<Float>
    ) {
        let (w1, w2, out) = (w1.baseAddress!, w2.baseAddress!, out.baseAddress!)
        inRows(rows, each: columns) { row in
            let (a, b) = (row / block, row % block)
            for tap in 0..<taps {
                let source = w2 + (b * taps + tap) * inner
                for c in 0..<groups {
                    let factor = scale * w1[a * groups + c]
                    let offset = row * columns + (tap * groups + c) * inner
                    let target = out + offset
                    if let base {
                        let start = base + offset
                        for d in 0..<inner { target[d] = start[d] + factor * source[d] }
                    } else {
                        for d in 0..<inner { target[d] = factor * source[d] }
                    }
                }
            }
        }
    }

    /// Rows of w2 are independent; w1 gets one partial sum for each, added up in a fixed order.
    func gradients(
        _ gradient: UnsafeBufferPointer<Float>, _ w1: UnsafeBufferPointer<Float>, _ w2: UnsafeBufferPointer<Float>,
        _ scale: Float, _ d1: UnsafeMutableBufferPointer<Float>, _ d2: UnsafeMutableBufferPointer<Float>
    ) {
        let cells = outer * groups
        let partial = UnsafeMutablePointer<Float>.allocate(capacity: block * cells)
        partial.initialize(repeating: 0, count: block * cells)
        defer { partial.deallocate() }
        let (g, w1, w2, d2) = (gradient.baseAddress!, w1.baseAddress!, w2.baseAddress!, d2.baseAddress!)
        inRows(block, each: outer * columns) { b in
            let sums = partial + b * cells
            for a in 0..<outer {
                let row = g + (a * block + b) * columns
                for tap in 0..<taps {
                    let source = w2 + (b * taps + tap) * inner
                    let target = d2 + (b * taps + tap) * inner
                    for c in 0..<groups {
                        let slope = row + (tap * groups + c) * inner
                        let factor = scale * w1[a * groups + c]
                        sums[a * groups + c] += scale * dotAndAdd(slope, source, factor, into: target, inner)
                    }
                }
            }
        }
        for b in 0..<block {
            for cell in 0..<cells { d1[cell] += partial[b * cells + cell] }
        }
    }
}

/// Σ x·y over `count`, and target += factor · x in the same pass; in lanes, since a plain float sum is not vectorised.
@inline(__always)
private func dotAndAdd(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ factor: Float, into target: UnsafeMutablePointer<Float>,
    _ count: Int
) -> Float {
    var lanes = SIMD8<Float>()
    var i = 0
    while i + 8 <= count {
        let a = UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
        lanes += a * UnsafeRawPointer(y + i).loadUnaligned(as: SIMD8<Float>.self)
        let sum = UnsafeRawPointer(target + i).loadUnaligned(as: SIMD8<Float>.self) + factor * a
        UnsafeMutableRawPointer(target + i).storeBytes(of: sum, as: SIMD8<Float>.self)
        i += 8
    }
    var sum = lanes.sum()
    while i < count {
        sum += x[i] * y[i]
        target[i] += factor * x[i]
        i += 1
    }
    return sum
}

/// Runs `body` for each row, in parallel parts when the rows hold enough elements.
func inRows(_ rows: Int, each columns: Int, _ body: (Int) -> Void) {
    let perPart = max(1, (1 << 15) / max(1, columns))
    guard rows > perPart else {
        for row in 0..<rows { body(row) }
        return
    }
    Compute.parallel((rows + perPart - 1) / perPart) { part in
        for row in part * perPart..<min(rows, (part + 1) * perPart) { body(row) }
    }
}
