import COpenBLAS

/// Matrix products on raw memory. OpenBLAS runs on one thread; the pool splits the result.
enum BLAS {
    /// Keeps OpenBLAS from starting threads of its own.
    static let ready: Void = openblas_set_num_threads(1)

    /// A row-major matrix in memory, `stride` elements from row to row.
    struct Matrix {
        var base: UnsafeMutablePointer<Float>
        var stride: Int
        var transposed = false
    }

    /// c [m, n] = a · b + beta · c, shared among the threads.
    static func multiply(m: Int, n: Int, k: Int, _ a: Matrix, _ b: Matrix, beta: Float = 0, into c: Matrix) {
        guard m > 0, n > 0 else { return }
        let parts = 2.0 * Double(m) * Double(n) * Double(k) < 2e6 ? 1 : Compute.threads
        guard parts > 1 else { return serial(m: m, n: n, k: k, a, b, beta: beta, into: c) }
        if m >= n || m >= 16 * parts {
            let block = (m + parts - 1) / parts
            Compute.blocks(m, of: block) { _, rows in
                var (part, out) = (a, c)
                part.base += rows.lowerBound * (a.transposed ? 1 : a.stride)
                out.base += rows.lowerBound * c.stride
                serial(m: rows.count, n: n, k: k, part, b, beta: beta, into: out)
            }
        } else {
            let block = (n + parts - 1) / parts
            Compute.blocks(n, of: block) { _, columns in
                var (part, out) = (b, c)
                part.base += columns.lowerBound * (b.transposed ? b.stride : 1)
                out.base += columns.lowerBound
                serial(m: m, n: columns.count, k: k, a, part, beta: beta, into: out)
            }
        }
    }

    /// The same in the calling thread.
    static func serial(m: Int, n: Int, k: Int, _ a: Matrix, _ b: Matrix, beta: Float = 0, into c: Matrix) {
        _ = ready
        cblas_sgemm(
            CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a.base, blasint(a.stride), b.base, blasint(b.stride), beta, c.base,
            blasint(c.stride))
    }
}
