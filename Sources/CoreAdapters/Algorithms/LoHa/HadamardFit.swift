import CoreTensor

/// Fits an entry-wise product of two low-rank products to a matrix by alternating least squares.
enum HadamardFit {
    private static let sweeps = 6

    /// - Parameters:
    ///   - factors: two pairs `[out, r]`, `[r, columns]`: the start.
    ///   - target: what (up1·down1) ⊙ (up2·down2) is to come near to.
    /// - Returns: factors at least as near as the start.
    static func improved(
        _ factors: [(up: DoubleMatrix, down: DoubleMatrix)], towards target: DoubleMatrix
    ) -> [(up: DoubleMatrix, down: DoubleMatrix)] {
        var (best, current) = (factors, factors)
        var least = error(factors, target)
        let turned = target.transposed
        for _ in 0..<sweeps {
            for half in 0..<2 {
                let other = current[1 - half].up * current[1 - half].down
                current[half].up = rows(target, weights: other, basis: current[half].down)
                // Columns are the rows of the transposed problem.
                current[half].down =
                    rows(turned, weights: other.transposed, basis: current[half].up.transposed).transposed
            }
            let now = error(current, target)
            guard now < least else { break }
            (best, least) = (current, now)
        }
        return best
    }

    /// The same for two products with a core each; the cores stay.
    static func improved(_ factors: [TuckerProduct], towards target: DoubleMatrix) -> [TuckerProduct] {
        var (best, current) = (factors, factors)
        var least = (factors[0].dense.hadamard(factors[1].dense) - target).norm
        let taps = factors[0].taps
        let turned = TuckerProduct.swapped(target, taps: taps)
        for _ in 0..<sweeps {
            for half in 0..<2 {
                let other = current[1 - half].dense
                current[half].outer = rows(target, weights: other, basis: current[half].lowerBasis).transposed
                current[half].inner =
                    rows(
                        turned, weights: TuckerProduct.swapped(other, taps: taps), basis: current[half].upperBasis
                    ).transposed
            }
            let now = (current[0].dense.hadamard(current[1].dense) - target).norm
            guard now < least else { break }
            (best, least) = (current, now)
        }
        return best
    }

    private static func error(_ factors: [(up: DoubleMatrix, down: DoubleMatrix)], _ target: DoubleMatrix) -> Double {
        ((factors[0].up * factors[0].down).hadamard(factors[1].up * factors[1].down) - target).norm
    }

    /// For each row: the coefficients x that bring weights ⊙ (x · basis) nearest to the target, by normal
    /// equations with a small ridge.
    private static func rows(_ target: DoubleMatrix, weights: DoubleMatrix, basis: DoubleMatrix) -> DoubleMatrix {
        let rank = basis.rows
        var result = DoubleMatrix.zeros(target.rows, rank)
        for row in 0..<target.rows {
            var scaled = basis
            for k in 0..<rank { for j in 0..<basis.columns { scaled[k, j] *= weights[row, j] } }
            let gram = scaled * scaled.transposed
            let right = scaled * target.rows(row..<row + 1).transposed
            let solution = solved(gram, right.values)
            for k in 0..<rank { result[row, k] = solution[k] }
        }
        return result
    }

    /// Cholesky's method on gram + ridge.
    private static func solved(_ gram: DoubleMatrix, _ right: [Double]) -> [Double] {
        let n = gram.rows
        let trace = (0..<n).reduce(0) { $0 + gram[$1, $1] }
        let ridge = max(trace * 1e-12, 1e-300)
        var lower = DoubleMatrix.zeros(n, n)
        for i in 0..<n {
            for j in 0...i {
                var sum = gram[i, j] + (i == j ? ridge : 0)
                for k in 0..<j { sum -= lower[i, k] * lower[j, k] }
                lower[i, j] = i == j ? max(sum, ridge).squareRoot() : sum / lower[j, j]
            }
        }
        var y = right
        for i in 0..<n {
            for k in 0..<i { y[i] -= lower[i, k] * y[k] }
            y[i] /= lower[i, i]
        }
        for i in (0..<n).reversed() {
            for k in (i + 1)..<max(n, i + 1) { y[i] -= lower[k, i] * y[k] }
            y[i] /= lower[i, i]
        }
        return y
    }
}
