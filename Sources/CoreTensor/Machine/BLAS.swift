import COpenBLAS

/// Large products through OpenBLAS, which runs on one thread; the pool splits the result.
enum BLAS {
    /// Keeps OpenBLAS from starting threads of its own.
    static let ready: Void = openblas_set_num_threads(1)

    /// c [m, n] = a · b (+ c if beta is 1).
    static func multiply(
        m: Int, n: Int, k: Int, _ a: Product.Matrix, _ b: Product.Matrix, beta: Float = 0, into c: Product.Matrix
    ) {
        let parts = Compute.sharing
        if m >= n {
            Compute.blocks(m, of: (m + parts - 1) / parts) { _, rows in
                var (part, out) = (a, c)
                part.base += rows.lowerBound * (a.transposed ? 1 : a.stride)
                out.base += rows.lowerBound * c.stride
                serial(m: rows.count, n: n, k: k, part, b, beta: beta, into: out)
            }
        } else {
            Compute.blocks(n, of: (n + parts - 1) / parts) { _, columns in
                var (part, out) = (b, c)
                part.base += columns.lowerBound * (b.transposed ? b.stride : 1)
                out.base += columns.lowerBound
                serial(m: m, n: columns.count, k: k, a, part, beta: beta, into: out)
            }
        }
    }

    private static func serial(
        m: Int, n: Int, k: Int, _ a: Product.Matrix, _ b: Product.Matrix, beta: Float, into c: Product.Matrix
    ) {
        _ = ready
        cblas_sgemm(
            CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a.base, blasint(a.stride), b.base, blasint(b.stride), beta, c.base,
            blasint(c.stride))
    }
}
