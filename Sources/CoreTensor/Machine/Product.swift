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
    }

    /// Multiply-adds below which one thread is faster than two.
    private static let serialLimit = 500_000
    /// From this many columns and this depth on, OpenBLAS' packing of both operands wins.
    private static let largeColumns = 256
    private static let largeDepth = 512

    /// c [rows, columns] = a · b (+ add) (+ bias); `add` has c's layout and may be c.
    static func run(
        rows: Int, columns: Int, depth: Int, _ a: Matrix, _ b: Matrix, into c: Matrix,
        add: UnsafeMutablePointer<Float>? = nil, bias: UnsafeMutablePointer<Float>? = nil,
        in precision: Precision = .f32
    ) {
        guard rows > 0, columns > 0 else { return }
        OperationTimes.measure(a.transposed ? .weightGradient : .product, operations: 2 * rows * columns * depth) {
            dispatch(rows: rows, columns: columns, depth: depth, a, b, into: c, add: add, bias: bias, in: precision)
        }
    }

    private static func dispatch(
        rows: Int, columns: Int, depth: Int, _ a: Matrix, _ b: Matrix, into c: Matrix,
        add: UnsafeMutablePointer<Float>?, bias: UnsafeMutablePointer<Float>?, in precision: Precision
    ) {
        precondition(a.halves == nil, "a left operand of half floats")
        let isNarrow = precision.narrows(columns: columns, depth: depth)
        let large = !isNarrow && columns >= largeColumns && depth >= largeDepth && rows >= 64 && b.halves == nil
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
        let product = CKProduct(
            columns: columns, taps: 1, depth: depth, a: a.base, aNarrow: nil, aStride: a.stride, pixels: nil, b: b.base,
            bHalf: b.halves, bPacked: nil, bTaps: nil,
            bDepthStride: b.transposed ? 1 : b.stride, bColumnStride: b.transposed ? b.stride : 1, c: c.base,
            cStride: c.stride, add: add, bias: bias)
        run(product, rows: rows, isNarrow: isNarrow)
    }

    /// Splits rows when there are many, columns otherwise.
    static func run(_ product: CKProduct, rows: Int, isNarrow: Bool) {
        if isNarrow { return runNarrow(product, rows: rows) }
        let threads = Compute.threads
        let columns = product.columns
        withUnsafePointer(to: product) { pointer in
            if threads == 1 || rows * columns * product.taps * product.depth < serialLimit {
                return ck_product(pointer, 0, rows, 0, columns)
            }
            // Two parts a thread even out uneven cores; each part packs its block of b, so rows must
            // outnumber that.
            let rowParts = min(2 * threads, max(1, rows / 96))
            if rowParts >= 2 * threads || columns < 64 {
                let block = roundUp((rows + rowParts - 1) / rowParts, to: 12)
                Compute.blocks(rows, of: block) { ck_product(pointer, $1.lowerBound, $1.upperBound, 0, columns) }
            } else {
                let block = roundUp((columns + 2 * threads - 1) / (2 * threads), to: 32)
                Compute.blocks(columns, of: block) { ck_product(pointer, 0, rows, $1.lowerBound, $1.upperBound) }
            }
        }
    }
}

extension Product {
    /// With fewer rows a thread, writing all of b as packed and reading it again costs too much.
    private static let packedRows = 256

    private static func runNarrow(_ product: CKProduct, rows: Int) {
        let (threads, columns, kernel) = (Compute.threads, product.columns, ck_bf16_kernel())
        let work = rows * columns * product.taps * product.depth
        var product = product
        withUnsafeMutablePointer(to: &product) { pointer in
            if threads == 1 || work < serialLimit {
                return ck_bf16_product(kernel, pointer, 0, rows, 0, columns)
            }
            if rows >= threads * packedRows && rows >= 2 * columns || columns < 64 {
                // Packed once for all threads.
                let packed = Storage(count: ck_bf16_packed_size(pointer), isHalf: true)
                let panels = UnsafeMutableRawPointer(packed.base).assumingMemoryBound(to: UInt16.self)
                Compute.blocks(columns, of: roundUp((columns + 2 * threads - 1) / (2 * threads), to: 16)) {
                    ck_bf16_pack(kernel, pointer, $1.lowerBound, $1.upperBound, panels)
                }
                pointer.pointee.bPacked = packed.halves
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

func roundUp(_ value: Int, to multiple: Int) -> Int { (value + multiple - 1) / multiple * multiple }
