import CKernels

/// aᵀ · b over many rows, the gradient of a weight: c[i, tap, j] = Σ_p a[p, i] · b(p, tap)[j].
///
/// A small result is summed in pieces of the rows, added in order; the pieces depend on the sizes only, so
/// the sums are the same for any number of threads.
struct TransposedProduct {
    let m, n, rows: Int
    let a: UnsafeMutablePointer<Float>
    let aStride: Int
    let b: UnsafeMutablePointer<Float>
    let bStride: Int
    let pixels: UnsafePointer<CKPixels>?
    let taps: Int
    let isNarrow: Bool

    init(
        m: Int, n: Int, rows: Int, a: UnsafeMutablePointer<Float>, aStride: Int? = nil, b: UnsafeMutablePointer<Float>,
        bStride: Int? = nil, pixels: UnsafePointer<CKPixels>?, taps: Int, isNarrow: Bool = false
    ) {
        (self.m, self.n, self.rows, self.a, self.b) = (m, n, rows, a, b)
        (self.aStride, self.bStride, self.pixels, self.taps) = (aStride ?? m, bStride ?? n, pixels, taps)
        self.isNarrow = isNarrow
    }

    /// Into `[m, taps, n]`.
    func run(into dw: Tensor) { run(into: .init(base: dw.pointer, stride: taps * n)) }

    func run(into c: Product.Matrix) {
        let pieces = min(16, rows / 256, (1 << 20) / max(1, m * n * taps))
        guard pieces > 1 else { return whole(into: c) }
        let partial = Tensor(uninitialized: [pieces, m, taps, n])
        let (base, size) = (partial.pointer, m * taps * n)
        Compute.parallel(pieces) { piece in
            let range = (rows * piece / pieces)..<(rows * (piece + 1) / pieces)
            for tap in 0..<taps {
                multiply(
                    m, a, tap, range,
                    .init(base: base + piece * size + tap * n, stride: taps * n))
            }
        }
        // In order of the pieces, the last sum going to where the result belongs.
        let isContiguous = c.stride == taps * n
        Compute.blocks(size, of: Elementwise.block) { _, range in
            let (start, count) = (range.lowerBound, range.count)
            for piece in 1..<pieces {
                let target = isContiguous && piece == pieces - 1 ? c.base : base
                ck_add(count, base + start, base + piece * size + start, target + start)
            }
        }
        guard !isContiguous else { return }
        for row in 0..<m { (c.base + row * c.stride).update(from: base + row * taps * n, count: taps * n) }
    }

    /// Splits the result instead: taps and blocks of its rows.
    private func whole(into c: Product.Matrix) {
        // Of narrow operands all of b is packed for each block.
        let block = isNarrow ? max(64, roundUp(m / (2 * Compute.sharing), to: 32)) : 48
        let blocks = (m + block - 1) / block
        Compute.parallel(taps * blocks) { part in
            let (tap, first) = (part / blocks, part % blocks * block)
            multiply(
                min(block, m - first), a + first, tap, 0..<rows,
                .init(base: c.base + first * c.stride + tap * n, stride: c.stride))
        }
    }

    private func multiply(
        _ m: Int, _ a: UnsafeMutablePointer<Float>, _ tap: Int, _ rows: Range<Int>, _ c: Product.Matrix
    ) {
        if isNarrow {
            ck_bf16_product_of_transpose(
                ck_bf16_kernel(), m, n, a, aStride, b, bStride, pixels, tap, rows.lowerBound, rows.upperBound, 0,
                c.base, c.stride)
        } else {
            ck_product_of_transpose(
                m, n, a, aStride, b, bStride, pixels, tap, rows.lowerBound, rows.upperBound, 0, c.base, c.stride)
        }
    }
}
