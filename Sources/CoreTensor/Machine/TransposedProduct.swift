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

    init(
        m: Int, n: Int, rows: Int, a: UnsafeMutablePointer<Float>, aStride: Int? = nil, b: UnsafeMutablePointer<Float>,
        bStride: Int? = nil, pixels: UnsafePointer<CKPixels>?, taps: Int
    ) {
        (self.m, self.n, self.rows, self.a, self.b) = (m, n, rows, a, b)
        (self.aStride, self.bStride, self.pixels, self.taps) = (aStride ?? m, bStride ?? n, pixels, taps)
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
                ck_product_of_transpose(
                    m, n, a, aStride, b, bStride, pixels, tap, range.lowerBound, range.upperBound, 0,
                    base + piece * size + tap * n, taps * n)
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
        let block = 48
        let blocks = (m + block - 1) / block
        Compute.parallel(taps * blocks) { part in
            let (tap, first) = (part / blocks, part % blocks * block)
            ck_product_of_transpose(
                min(block, m - first), n, a + first, aStride, b, bStride, pixels, tap, 0, rows, 0,
                c.base + first * c.stride + tap * n, c.stride)
        }
    }
}
