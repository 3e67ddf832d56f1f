/// Eigenvalues of small symmetric matrices by cyclic Jacobi rotations.
///
/// - SeeAlso: Golub and Van Loan, "Matrix Computations", section 8.5.
package enum SymmetricEigenvalues {
    /// - Parameters:
    ///   - matrix: row-major `[size, size]`, symmetric.
    /// - Returns: `size` eigenvalues, smallest first.
    package static func of(_ matrix: [Double], size: Int) -> [Double] {
        precondition(matrix.count == size * size, "\(matrix.count) values do not make a square of \(size)")
        var a = matrix
        let scale = a.reduce(0) { max($0, abs($1)) }
        // Quadratic convergence: six to eight sweeps are usual, the limit only guards against an input that
        // is not finite.
        for _ in 0..<60 where offDiagonal(a, size) > 1e-15 * scale * Double(size) {
            for p in 0..<size {
                for q in p + 1..<max(size, p + 1) { rotate(&a, size, p, q) }
            }
        }
        return (0..<size).map { a[$0 * size + $0] }.sorted()
    }

    /// Largest entry beside the diagonal.
    private static func offDiagonal(_ a: [Double], _ size: Int) -> Double {
        var largest = 0.0
        for i in 0..<size {
            for j in 0..<size where i != j { largest = max(largest, abs(a[i * size + j])) }
        }
        return largest
    }

    /// Makes entry (p, q) zero.
    private static func rotate(_ a: inout [Double], _ size: Int, _ p: Int, _ q: Int) {
        let apq = a[p * size + q]
        guard apq != 0 else { return }
        let theta = (a[q * size + q] - a[p * size + p]) / (2 * apq)
        let t = (theta >= 0 ? 1.0 : -1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<size {
            let (akp, akq) = (a[k * size + p], a[k * size + q])
            a[k * size + p] = c * akp - s * akq
            a[k * size + q] = s * akp + c * akq
        }
        for k in 0..<size {
            let (apk, aqk) = (a[p * size + k], a[q * size + k])
            a[p * size + k] = c * apk - s * aqk
            a[q * size + k] = s * apk + c * aqk
        }
    }
}
