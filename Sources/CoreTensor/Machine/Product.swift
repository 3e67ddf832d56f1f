import CKernels

/// Matrix products, shared among the threads.
///
/// Own kernels take all but large products: they are as fast as OpenBLAS from medium sizes on and up to twice
/// as fast on narrow ones, and their sums do not depend on how the work is split.
enum Product {
    /// A row-major matrix in memory, `stride` elements from row to row.
    struct Matrix {
        var base: UnsafeMutablePointer<Float>
        var stride: Int
        var transposed = false
        /// The elements where they are half floats; `base` is not read then. For right operands only.
        var halves: UnsafePointer<UInt16>?
        /// Where the packed form of a right operand is kept; nil packs it for this product alone.
        var keeper: Storage?
    }

    /// Multiply-adds below which one thread is faster than two.
    private static let serialLimit = 500_000
    /// From this many columns and this depth on, OpenBLAS' packing of both operands wins.
    private static let largeColumns = 256
    private static let largeDepth = 512

    /// Terms that a product sums beside its own: a second pair of operands with the same rows and columns.
    typealias Extra = (depth: Int, a: Matrix, b: Matrix)

    /// c [rows, columns] = a · b (+ add) (+ bias) (+ extra); `add` has c's layout and may be c. Only products
    /// in f32 have an extra one.
    static func run(
        rows: Int, columns: Int, depth: Int, _ a: Matrix, _ b: Matrix, into c: Matrix,
        add: UnsafeMutablePointer<Float>? = nil, bias: UnsafeMutablePointer<Float>? = nil, extra: Extra? = nil,
        in precision: Precision = .f32
    ) {
        guard rows > 0, columns > 0 else { return }
        let operations = 2 * rows * columns * (depth + (extra?.depth ?? 0))
        OperationTimes.measure(a.transposed ? .weightGradient : .product, operations: operations) {
            dispatch(
                rows: rows, columns: columns, depth: depth, a, b, into: c, add: add, bias: bias, extra: extra,
                in: precision)
        }
    }

    private static func dispatch(
        rows: Int, columns: Int, depth: Int, _ a: Matrix, _ b: Matrix, into c: Matrix,
        add: UnsafeMutablePointer<Float>?, bias: UnsafeMutablePointer<Float>?, extra: Extra?,
        in precision: Precision
    ) {
        precondition(a.halves == nil, "a left operand of half floats")
        let isNarrow = precision.narrows(columns: columns, depth: depth)
        precondition(extra == nil || !isNarrow && !a.transposed, "an extra product of rounded or turned operands")
        let isPlain = !isNarrow && extra == nil && b.halves == nil && b.keeper == nil
        let large = isPlain && columns >= largeColumns && depth >= largeDepth && rows >= 64
        if a.transposed && (b.transposed || (large && add == nil && bias == nil)) || large && add == nil && bias == nil
        {
            precondition(add == nil && bias == nil, "a doubly transposed product adds nothing")
            return BLAS.multiply(m: rows, n: columns, k: depth, a, b, into: c)
        }
        if a.transposed {
            precondition(b.halves == nil, "a weight gradient from half floats")
            precondition(add == nil && bias == nil, "a transposed product adds nothing")
            return TransposedProduct(
                m: rows, n: columns, rows: depth, a: a.base, aStride: a.stride, b: b.base, bStride: b.stride,
                pixels: nil, taps: 1, isNarrow: isNarrow && rows >= 16
            ).run(into: c)
        }
        if add == nil, bias == nil, extra == nil,
            NarrowProduct.fits(rows: rows, columns: columns, depth: depth, b)
        {
            return NarrowProduct(rows: rows, columns: columns, depth: depth).run(a, b, into: c)
        }
        let product = CKProduct(
            columns: columns, taps: 1, depth: depth, a: a.base, aNarrow: nil, aStride: a.stride, pixels: nil, b: b.base,
            bHalf: b.halves, bPacked: nil, bPanels: nil, bTaps: nil,
            bDepthStride: b.transposed ? 1 : b.stride, bColumnStride: b.transposed ? b.stride : 1, c: c.base,
            cStride: c.stride, add: add, bias: bias)
        guard let extra else { return run(product, rows: rows, isNarrow: isNarrow, keeper: b.keeper) }
        let second = CKExtraProduct(
            depth: extra.depth, a: extra.a.base, aStride: extra.a.stride, b: extra.b.base,
            bDepthStride: extra.b.transposed ? 1 : extra.b.stride,
            bColumnStride: extra.b.transposed ? extra.b.stride : 1)
        withUnsafePointer(to: second) { run(product, rows: rows, extra: $0, isNarrow: false, keeper: b.keeper) }
    }

    /// Splits rows when there are many, columns otherwise.
    static func run(
        _ product: CKProduct, rows: Int, extra: UnsafePointer<CKExtraProduct>? = nil, isNarrow: Bool,
        keeper: Storage? = nil
    ) {
        if isNarrow { return runNarrow(product, rows: rows, keeper: keeper) }
        let threads = Compute.sharing
        let columns = product.columns
        var product = product
        withUnsafeMutablePointer(to: &product) { pointer in
            let panels = keeper.map { PackedPanels.kept(in: $0, for: pointer, isNarrow: false) }
            defer { withExtendedLifetime(panels) {} }
            pointer.pointee.bPanels = panels?.floats
            let product = pointer.pointee
            func part(_ rows: Range<Int>, _ columns: Range<Int>) {
                ck_two_products(
                    pointer, extra, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.upperBound)
            }
            if threads == 1 || rows * columns * product.taps * product.depth < serialLimit {
                return part(0..<rows, 0..<columns)
            }
            // Two parts a thread even out uneven cores; each part packs its block of b, so rows must
            // outnumber that.
            let rowParts = min(2 * threads, max(1, rows / 96))
            let columnBlock = roundUp((columns + 2 * threads - 1) / (2 * threads), to: 32)
            // Columns that leave a thread without a last part lose more than rows whose parts pack b twice.
            let isUneven = (columns + columnBlock - 1) / columnBlock % threads != 0 && rowParts >= threads
            if rowParts >= 2 * threads || columns < 64 || isUneven {
                let block = roundUp((rows + rowParts - 1) / rowParts, to: 12)
                Compute.blocks(rows, of: block) { part($1, 0..<columns) }
            } else {
                Compute.blocks(columns, of: columnBlock) { part(0..<rows, $1) }
            }
        }
    }
}

extension Product {
    /// With fewer rows a thread, writing all of b as packed and reading it again costs too much.
    private static let packedRows = 256

    private static func runNarrow(_ product: CKProduct, rows: Int, keeper: Storage?) {
        let (threads, columns, kernel) = (Compute.sharing, product.columns, ck_bf16_kernel())
        let isSmall = threads == 1 || rows * columns * product.taps * product.depth < serialLimit
        let manyRows = rows >= threads * packedRows && rows >= 2 * columns || columns < 64
        var product = product
        withUnsafeMutablePointer(to: &product) { pointer in
            // Packed once for all products of a weight, or once for all threads.
            let panels =
                keeper.map { PackedPanels.kept(in: $0, for: pointer, isNarrow: true) }
                ?? (manyRows && !isSmall ? PackedPanels(pointer, isNarrow: true) : nil)
            pointer.pointee.bPacked = panels?.narrow
            withExtendedLifetime(panels) {
                if isSmall {
                    ck_bf16_product(kernel, pointer, 0, rows, 0, columns)
                } else if manyRows {
                    let block = roundUp((rows + 2 * threads - 1) / (2 * threads), to: 32)
                    Compute.blocks(rows, of: block) {
                        ck_bf16_product(kernel, pointer, $1.lowerBound, $1.upperBound, 0, columns)
                    }
                } else {
                    let block = roundUp((columns + 2 * threads - 1) / (2 * threads), to: 32)
                    Compute.blocks(columns, of: block) {
                        ck_bf16_product(kernel, pointer, 0, rows, $1.lowerBound, $1.upperBound)
                    }
                }
            }
        }
    }
}

func roundUp(_ value: Int, to multiple: Int) -> Int { (value + multiple - 1) / multiple * multiple }
