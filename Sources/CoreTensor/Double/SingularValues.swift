import COpenBLAS

/// A singular value decomposition A = u · diag(values) · vt, of the smaller size k.
package struct SingularValues: Sendable {
    /// `[rows, k]`, orthonormal columns.
    package let u: DoubleMatrix
    /// Descending.
    package let values: [Double]
    /// `[k, columns]`, orthonormal rows.
    package let vt: DoubleMatrix

    /// The best approximation of this rank as a product: up · down, with the values split evenly between the
    /// two.
    package func product(rank: Int) -> (up: DoubleMatrix, down: DoubleMatrix) {
        let roots = values.prefix(rank).map { $0.squareRoot() }
        var (up, down) = (u.leadingColumns(rank), vt.rows(0..<rank))
        for i in 0..<up.rows { for j in 0..<rank { up[i, j] *= roots[j] } }
        for j in 0..<rank { for i in 0..<down.columns { down[j, i] *= roots[j] } }
        return (up, down)
    }
}

extension DoubleMatrix {
    /// By LAPACK's divide and conquer; by its QR iteration should that not converge.
    ///
    /// - Returns: nil if neither converges, which only numbers that are not finite bring about.
    package func singularValues() -> SingularValues? {
        guard isFinite else { return nil }
        _ = BLAS.ready
        return decomposed(Self.divideAndConquer) ?? decomposed(Self.iteration)
    }

    /// The decomposition of `self · down` where that product's rank is small, without building it.
    ///
    /// - Parameter down: `[R, columns]` for self `[rows, R]`.
    package func singularValues(ofProductWith down: DoubleMatrix) -> SingularValues? {
        guard isFinite, down.isFinite else { return nil }
        guard columns < rows, columns < down.columns else { return (self * down).singularValues() }
        let (left, right) = (transposed.rowsOrthonormalised(), down.rowsOrthonormalised())
        // self · down = (L₁Q₁)ᵀ L₂Q₂ = Q₁ᵀ (L₁ᵀ L₂) Q₂
        guard let core = (left.lower.transposed * right.lower).singularValues() else { return nil }
        return SingularValues(
            u: left.orthonormal.transposed * core.u, values: core.values, vt: core.vt * right.orthonormal)
    }

    /// self = lower · orthonormal, by Householder reflections.
    ///
    /// - Precondition: not more rows than columns.
    private func rowsOrthonormalised() -> (lower: DoubleMatrix, orthonormal: DoubleMatrix) {
        precondition(rows <= columns, "\(rows) rows of \(columns)")
        _ = BLAS.ready
        // LAPACK reads columns: our rows are its columns, and self = Rᵀ Qᵀ.
        var (m, n, info, length) = (blasint(columns), blasint(rows), blasint(0), blasint(64 * rows))
        var a = values
        var tau = [Double](repeating: 0, count: rows)
        var work = [Double](repeating: 0, count: Int(length))
        dgeqrf_(&m, &n, &a, &m, &tau, &work, &length, &info)
        precondition(info == 0, "dgeqrf: argument \(-info)")
        var lower = DoubleMatrix.zeros(rows, rows)
        for j in 0..<rows { for i in 0...j { lower[j, i] = a[j * columns + i] } }
        dorgqr_(&m, &n, &n, &a, &m, &tau, &work, &length, &info)
        precondition(info == 0, "dorgqr: argument \(-info)")
        return (lower, DoubleMatrix(a, rows: rows, columns: columns))
    }

    /// The arguments of either routine; both read columns, so u and vt change places.
    private struct Workspace {
        var m, n, k: blasint
        var a: [Double]
        var values, left, right: [Double]
    }

    private func decomposed(_ routine: (inout Workspace) -> Bool) -> SingularValues? {
        let k = min(rows, columns)
        guard k > 0 else { return nil }
        var space = Workspace(
            m: blasint(columns), n: blasint(rows), k: blasint(k), a: values,
            values: [Double](repeating: 0, count: k), left: [Double](repeating: 0, count: columns * k),
            right: [Double](repeating: 0, count: k * rows))
        guard routine(&space) else { return nil }
        return SingularValues(
            u: DoubleMatrix(space.right, rows: rows, columns: k), values: space.values,
            vt: DoubleMatrix(space.left, rows: k, columns: columns))
    }

    private static func divideAndConquer(_ s: inout Workspace) -> Bool {
        var info: blasint = 0
        var length: blasint = -1
        var work = [Double](repeating: 0, count: 1)
        var integers = [blasint](repeating: 0, count: 8 * Int(s.k))
        for _ in 0..<2 {
            dgesdd_(
                "S", &s.m, &s.n, &s.a, &s.m, &s.values, &s.left, &s.m, &s.right, &s.k, &work, &length, &integers, &info,
                1)
            guard info == 0 else { return false }
            guard length == -1 else { break }
            length = blasint(work[0])
            work = [Double](repeating: 0, count: Int(length))
        }
        return true
    }

    private static func iteration(_ s: inout Workspace) -> Bool {
        var info: blasint = 0
        var length: blasint = -1
        var work = [Double](repeating: 0, count: 1)
        for _ in 0..<2 {
            dgesvd_(
                "S", "S", &s.m, &s.n, &s.a, &s.m, &s.values, &s.left, &s.m, &s.right, &s.k, &work, &length, &info, 1, 1)
            guard info == 0 else { return false }
            guard length == -1 else { break }
            length = blasint(work[0])
            work = [Double](repeating: 0, count: Int(length))
        }
        return true
    }
}
