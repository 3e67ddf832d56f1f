import CKernels

/// Loops of a Kronecker product w1 ⊗ w2 whose first factor is small; sums do not depend on the number of
/// threads.
package enum KroneckerLoops {
    /// y[p, a, :] = Σ_c w[a, c] · x[p, c, :] over runs of `width`.
    ///
    /// - Parameters:
    ///   - w: `[outer, groups]`; `[groups, outer]` if `transposed`.
    ///   - x: `[positions, groups · width]`.
    ///   - y: `[positions, outer · width]`.
    package static func mix(_ x: Tensor, _ w: Tensor, transposed: Bool, width: Int, into y: Tensor) {
        let (outer, groups) = (w.shape[transposed ? 1 : 0], w.shape[transposed ? 0 : 1])
        let positions = x.count / (groups * width)
        let (from, to, weights) = (x.pointer, y.pointer, w.pointer)
        Elementwise.rows(positions, width: outer * groups * width, kind: .adapter) { first, count in
            ck_mix_groups(
                count, outer, groups, width, weights, transposed ? 1 : groups, transposed ? outer : 1,
                from + first * groups * width, to + first * outer * width)
        }
    }

    /// dw[a, c] = Σ_p ⟨g[p, a, :], x[p, c, :]⟩: `[outer, groups]`.
    package static func products(_ g: Tensor, _ x: Tensor, outer: Int, groups: Int, width: Int) -> Tensor {
        let (slopes, inputs, cells) = (g.pointer, x.pointer, outer * groups)
        let positions = x.count / (groups * width)
        let perPart = max(1, (1 << 17) / (cells * width))
        let parts = max(1, (positions + perPart - 1) / perPart)
        let partial = Tensor.zeros([parts, cells])
        let base = partial.pointer
        OperationTimes.measure(.adapter) {
            Compute.blocks(positions, of: perPart) { part, range in
                ck_group_products(
                    range.count, outer, groups, width, slopes + range.lowerBound * outer * width,
                    inputs + range.lowerBound * groups * width, base + part * cells)
            }
        }
        let result = Tensor.zeros([outer, groups])
        ck_column_sums(parts, cells, base, result.pointer)
        return result
    }

    /// base + scale · w1 ⊗ w2, row `a · block + b`, column `(tap · groups + c) · inner + d`.
    ///
    /// - Parameters:
    ///   - base: `[outer · block, taps · groups · inner]`; nil for none.
    ///   - w1: `[outer, groups]`.
    ///   - w2: `[block, taps · inner]`.
    package static func product(base: Tensor?, _ w1: Tensor, _ w2: Tensor, taps: Int, scale: Float) -> Tensor {
        let (outer, groups, block, run) = (w1.shape[0], w1.shape[1], w2.shape[0], w2.shape[1])
        let columns = groups * run
        let result = Tensor(uninitialized: [outer * block, columns])
        let (start, small, large, to) = (base?.pointer, w1.pointer, w2.pointer, result.pointer)
        Elementwise.rows(outer * block, width: columns, kind: .adapter) { first, count in
            for row in first..<first + count {
                ck_kronecker_row(
                    taps, groups, run / taps, start.map { $0 + row * columns }, small + row / block * groups,
                    large + row % block * run, scale, to + row * columns)
            }
        }
        return result
    }

    /// The gradients of w1 and w2 from that of `product`.
    package static func gradients(
        _ g: Tensor, _ w1: Tensor, _ w2: Tensor, taps: Int, scale: Float
    ) -> (w1: Tensor, w2: Tensor) {
        let (outer, groups, block, run) = (w1.shape[0], w1.shape[1], w2.shape[0], w2.shape[1])
        let (columns, cells) = (groups * run, outer * groups)
        let (onSmall, onLarge) = (Tensor.zeros(w1.shape), Tensor.zeros(w2.shape))
        // Rows of w2 are independent; w1 gets one partial sum for each, added up in order.
        let partial = Tensor.zeros([block, cells])
        let (slopes, small, large) = (g.pointer, w1.pointer, w2.pointer)
        let (sums, target) = (partial.pointer, onLarge.pointer)
        Elementwise.rows(block, width: outer * columns, kind: .adapter) { first, count in
            for b in first..<first + count {
                for a in 0..<outer {
                    ck_kronecker_row_backward(
                        taps, groups, run / taps, slopes + (a * block + b) * columns, small + a * groups,
                        large + b * run, scale, sums + b * cells + a * groups, target + b * run)
                }
            }
        }
        ck_column_sums(block, cells, sums, onSmall.pointer)
        return (onSmall, onLarge)
    }
}
