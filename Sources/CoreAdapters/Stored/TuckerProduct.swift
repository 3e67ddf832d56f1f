import CoreTensor
import Glibc

/// T[p, q, t] = Σᵢⱼ core[i, j, t] · outer[i, p] · inner[j, q]: the form in which LoHa and LoKr keep
/// convolutions with `use_tucker`, and its best approximation of another rank.
struct TuckerProduct {
    /// `[r, P]`
    var outer: DoubleMatrix
    /// `[r, Q]`
    var inner: DoubleMatrix
    /// `[r, r · taps]`, kernel positions fastest.
    var core: DoubleMatrix
    let taps: Int

    /// T as `[P, Q · taps]`.
    var dense: DoubleMatrix { outer.transposed * lowerBasis }

    /// Σⱼ core[i, j, t] · inner[j, q], `[r, Q · taps]`.
    var lowerBasis: DoubleMatrix {
        Self.swapped(inner.transposed * Self.swapped(core, taps: taps), taps: taps)
    }

    /// Σᵢ core[i, j, t] · outer[i, p], `[r, P · taps]`.
    var upperBasis: DoubleMatrix {
        Self.swapped(outer.transposed * core, taps: taps)
    }

    /// The nearest product of another rank: truncated singular vectors of both unfoldings, then orthogonal
    /// iteration.
    ///
    /// - Parameter rank: chosen from the singular values of the two unfoldings.
    /// - Returns: nil where a decomposition fails; a rank beyond the old one is filled up with zeros.
    /// - SeeAlso: De Lathauwer, De Moor and Vandewalle, “On the best rank-1 and rank-(R₁, …, R_N)
    ///   approximation”, 2000.
    func resized(_ rank: ([[Double]]) -> Int) -> TuckerProduct? {
        // Orthonormal factors first, so that only the core is decomposed.
        guard let left = outer.transposed.singularValues(), let right = inner.transposed.singularValues() else {
            return nil
        }
        var small = Self.weighted(left.vt, left.values) * core
        small = Self.swapped(Self.weighted(right.vt, right.values) * Self.swapped(small, taps: taps), taps: taps)
        guard let rows = small.singularValues(), let columns = Self.swapped(small, taps: taps).singularValues() else {
            return nil
        }
        let wanted = rank([rows.values, columns.values])
        let (kept, keptInner) = (min(wanted, rows.u.columns), min(wanted, columns.u.columns))
        var (u, v) = (rows.u.leadingColumns(kept), columns.u.leadingColumns(keptInner))
        for _ in 0..<Self.iterations {
            let byColumns = Self.swapped(v.transposed * Self.swapped(small, taps: taps), taps: taps)
            guard let next = byColumns.singularValues(), next.u.columns >= kept else { break }
            u = next.u.leadingColumns(kept)
            guard let other = Self.swapped(u.transposed * small, taps: taps).singularValues(),
                other.u.columns >= keptInner
            else { break }
            v = other.u.leadingColumns(keptInner)
        }
        let reduced = Self.swapped(v.transposed * Self.swapped(u.transposed * small, taps: taps), taps: taps)
        let product = TuckerProduct(
            outer: (left.u * u).transposed, inner: (right.u * v).transposed, core: reduced, taps: taps)
        return product.balanced.padded(to: wanted)
    }

    private static let iterations = 8

    /// The same T with factors and core of about equal size, since files may be f16.
    private var balanced: TuckerProduct {
        let share = core.norm / Double(max(1, outer.rows)).squareRoot()
        guard share > 0 else { return self }
        let factor = cbrt(share)
        return TuckerProduct(
            outer: outer.scaled(by: factor), inner: inner.scaled(by: factor),
            core: core.scaled(by: 1 / (factor * factor)),
            taps: taps)
    }

    private func padded(to rank: Int) -> TuckerProduct {
        guard rank > outer.rows || rank > inner.rows else { return self }
        func taller(_ matrix: DoubleMatrix) -> DoubleMatrix {
            let missing = (rank - matrix.rows) * matrix.columns
            return DoubleMatrix(
                matrix.values + [Double](repeating: 0, count: missing), rows: rank, columns: matrix.columns)
        }
        // Axis by axis: rows first, then the rows of the swapped core.
        let wide = Self.swapped(taller(Self.swapped(core, taps: taps)), taps: taps)
        return TuckerProduct(outer: taller(outer), inner: taller(inner), core: taller(wide), taps: taps)
    }

    /// `[a, b · taps]` → `[b, a · taps]`
    static func swapped(_ matrix: DoubleMatrix, taps: Int) -> DoubleMatrix {
        let (a, b) = (matrix.rows, matrix.columns / taps)
        var result = DoubleMatrix.zeros(b, a * taps)
        for i in 0..<a {
            for j in 0..<b {
                for t in 0..<taps { result[j, i * taps + t] = matrix[i, j * taps + t] }
            }
        }
        return result
    }

    private static func weighted(_ rows: DoubleMatrix, _ weights: [Double]) -> DoubleMatrix {
        var result = rows
        for i in 0..<rows.rows { for j in 0..<rows.columns { result[i, j] *= weights[i] } }
        return result
    }
}
