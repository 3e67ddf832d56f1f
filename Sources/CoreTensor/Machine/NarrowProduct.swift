import CKernels

/// a · b with a few columns, as the products of low-rank adapters with many positions.
struct NarrowProduct {
    let rows, columns, depth: Int

    /// Rows a thread takes at a time.
    private static let block = 96

    static func fits(rows: Int, columns: Int, depth: Int, _ b: Product.Matrix) -> Bool {
        columns % 4 == 0 && columns <= 16 && depth % 16 == 0 && depth >= 64 && rows >= block && b.halves == nil
    }

    func run(_ a: Product.Matrix, _ b: Product.Matrix, into c: Product.Matrix) {
        guard !b.transposed else { return run(a, b.base, b.stride, into: c) }
        // The kernel reads b along the depth.
        let turned = Tensor(uninitialized: [columns, depth])
        let target = turned.pointer
        for k in 0..<depth {
            for j in 0..<columns { target[j * depth + k] = b.base[k * b.stride + j] }
        }
        run(a, target, depth, into: c)
    }

    private func run(
        _ a: Product.Matrix, _ b: UnsafeMutablePointer<Float>, _ bStride: Int, into c: Product.Matrix
    ) {
        Compute.blocks(rows, of: Self.block) { _, range in
            ck_narrow_product(
                range.count, columns, depth, a.base + range.lowerBound * a.stride, a.stride, b, bStride,
                c.base + range.lowerBound * c.stride, c.stride)
        }
    }
}
