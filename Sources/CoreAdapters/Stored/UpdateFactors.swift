package import CoreTensor

/// A weight's change as its file has it, as products of small factors. Norms and inner products come from the
/// factors, so that a small file of a huge update costs what the file costs; entries are made block by block.
package indirect enum UpdateFactors: Sendable {
    case whole(DoubleMatrix)
    /// `[rows, r]` · `[r, columns]`
    case product(DoubleMatrix, DoubleMatrix)
    /// Entry by entry, of equal sizes.
    case hadamard(UpdateFactors, UpdateFactors)
    case kronecker(UpdateFactors, UpdateFactors)
    /// Of equal sizes.
    case sum(UpdateFactors, UpdateFactors)
    case scaled(UpdateFactors, Double)

    package var rows: Int {
        switch self {
        case .whole(let matrix): matrix.rows
        case .product(let up, _): up.rows
        case .hadamard(let a, _), .sum(let a, _), .scaled(let a, _): a.rows
        case .kronecker(let a, let b): a.rows.multipliedReportingOverflow(by: b.rows).overflow ? .max : a.rows * b.rows
        }
    }

    package var columns: Int {
        switch self {
        case .whole(let matrix): matrix.columns
        case .product(_, let down): down.columns
        case .hadamard(let a, _), .sum(let a, _), .scaled(let a, _): a.columns
        case .kronecker(let a, let b):
            a.columns.multipliedReportingOverflow(by: b.columns).overflow ? .max : a.columns * b.columns
        }
    }

    /// Entries, as a number that cannot overflow.
    package var numbers: Double { Double(rows) * Double(columns) }

    /// Written out.
    package var dense: DoubleMatrix {
        switch self {
        case .whole(let matrix): matrix
        case .product(let up, let down): up * down
        case .hadamard(let a, let b): a.dense.hadamard(b.dense)
        case .kronecker(let a, let b): a.dense.kronecker(b.dense)
        case .sum(let a, let b): a.dense + b.dense
        case .scaled(let a, let factor): a.dense.scaled(by: factor)
        }
    }

    /// Some rows, written out.
    package func rows(_ range: Range<Int>) -> DoubleMatrix {
        switch self {
        case .whole(let matrix): return matrix.rows(range)
        case .product(let up, let down): return up.rows(range) * down
        case .hadamard(let a, let b): return a.rows(range).hadamard(b.rows(range))
        case .sum(let a, let b): return a.rows(range) + b.rows(range)
        case .scaled(let a, let factor): return a.rows(range).scaled(by: factor)
        case .kronecker(let a, let b):
            var values: [Double] = []
            values.reserveCapacity(range.count * columns)
            var row = range.lowerBound
            while row < range.upperBound {
                // The rows that share a row of the first factor.
                let (outer, first) = row.quotientAndRemainder(dividingBy: b.rows)
                let last = min(b.rows, first + range.upperBound - row)
                values += a.rows(outer..<outer + 1).kronecker(b.rows(first..<last)).values
                row += last - first
            }
            return DoubleMatrix(values, rows: range.count, columns: columns)
        }
    }

    /// Numbers that are written out at a time.
    private static let block = 1 << 20

    /// Rows that are written out at a time.
    package func blocks() -> [Range<Int>] {
        let height = max(1, Self.block / max(1, columns))
        return stride(from: 0, to: rows, by: height).map { $0..<min(rows, $0 + height) }
    }

    /// Whether inner products with others of its kind need no block written out.
    package var isLowRank: Bool { pair != nil }

    /// The two factors of a low-rank product, with a scale in the first.
    private var pair: (up: DoubleMatrix, down: DoubleMatrix)? {
        switch self {
        case .product(let up, let down): (up, down)
        case .scaled(let inner, let factor): inner.pair.map { ($0.up.scaled(by: factor), $0.down) }
        default: nil
        }
    }

    /// The factors of a Kronecker product, with a scale in the first.
    private var blockPair: (outer: UpdateFactors, inner: UpdateFactors)? {
        switch self {
        case .kronecker(let a, let b): (a, b)
        case .scaled(let inner, let factor): inner.blockPair.map { (.scaled($0.outer, factor), $0.inner) }
        default: nil
        }
    }
}

extension UpdateFactors {
    /// ‖ΔW‖², in the Frobenius norm.
    ///
    /// - SeeAlso: tr(AᵀA · BBᵀ) for A·B; for (A₁B₁) ⊙ (A₂B₂) the same with row-wise Kronecker products as
    ///   factors; for a Kronecker product the product of both.
    package var squaredNorm: Double {
        switch self {
        case .whole(let matrix): matrix.inner(matrix)
        case .product(let up, let down): Self.inner((up, down), (up, down)) ?? streamed { $0.inner($0) }
        case .kronecker(let a, let b): a.squaredNorm * b.squaredNorm
        case .scaled(let a, let factor): factor * factor * a.squaredNorm
        case .hadamard(let a, let b): Self.gramNorm(a, b) ?? streamed { $0.inner($0) }
        case .sum: streamed { $0.inner($0) }
        }
    }

    package var norm: Double { squaredNorm.squareRoot() }

    /// The largest entry, written out block by block.
    package var largest: Double {
        blocks().reduce(0) { max($0, rows($1).values.reduce(0) { max($0, abs($1)) }) }
    }

    /// ⟨self, other⟩
    ///
    /// - Precondition: equal sizes.
    package func inner(_ other: UpdateFactors) -> Double {
        if let a = pair, let b = other.pair, let result = Self.inner(a, b) { return result }
        if let a = blockPair, let b = other.blockPair, a.outer.rows == b.outer.rows, a.outer.columns == b.outer.columns,
            a.inner.columns == b.inner.columns
        {
            return a.outer.inner(b.outer) * a.inner.inner(b.inner)
        }
        return blocks().reduce(0) { $0 + rows($1).inner(other.rows($1)) }
    }

    /// ‖self − other‖, without the cancellation that comes of subtracting norms.
    ///
    /// - Precondition: equal sizes.
    package func distance(to other: UpdateFactors) -> Double {
        if let a = pair, let b = other.pair, a.up.columns + b.up.columns < min(rows, columns) {
            // One product of both ranks.
            let up = a.up.beside(b.up.scaled(by: -1))
            let down = DoubleMatrix(
                a.down.values + b.down.values, rows: a.down.rows + b.down.rows, columns: columns)
            if let values = up.singularValues(ofProductWith: down)?.values {
                return values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
        }
        if case .kronecker(.whole(let a), let b)? = unscaled, case .kronecker(.whole(let c), let d)? = other.unscaled,
            a.rows == c.rows, a.columns == c.columns, factor != 0
        {
            // The same smaller factor up to its scale.
            let ratio = other.factor / factor
            let same = zip(a.values, c.values).allSatisfy { $0 == $1 }
            if same { return abs(factor) * a.norm * b.distance(to: .scaled(d, ratio)) }
        }
        return blocks().reduce(0) { sum, range in
            let difference = rows(range) - other.rows(range)
            return sum + difference.inner(difference)
        }.squareRoot()
    }

    private var unscaled: UpdateFactors? { if case .scaled(let a, _) = self { a.unscaled } else { self } }
    private var factor: Double { if case .scaled(let a, let factor) = self { factor * a.factor } else { 1 } }

    /// The singular values, descending.
    ///
    /// - Parameter limit: numbers that may be written out.
    /// - Returns: nil beyond the limit, or if none can be found.
    package func singularValues(limit: Int) -> [Double]? {
        if let pair { return pair.up.singularValues(ofProductWith: pair.down)?.values }
        switch self {
        case .scaled(let a, let factor): return a.singularValues(limit: limit)?.map { $0 * abs(factor) }
        case .kronecker(let a, let b):
            guard let first = a.singularValues(limit: limit), let second = b.singularValues(limit: limit) else {
                return nil
            }
            return first.flatMap { value in second.map { value * $0 } }.sorted(by: >)
        default:
            if case .hadamard(let a, let b) = self, let first = a.pair, let second = b.pair,
                first.up.columns * second.up.columns < min(rows, columns) / 2
            {
                let up = Self.rowwise(first.up, second.up)
                let down = Self.rowwise(first.down.transposed, second.down.transposed).transposed
                return up.singularValues(ofProductWith: down)?.values
            }
            guard numbers <= Double(limit) else { return nil }
            return dense.singularValues()?.values
        }
    }

    private func streamed(_ body: (DoubleMatrix) -> Double) -> Double {
        blocks().reduce(0) { $0 + body(rows($1)) }
    }

    /// Σ (A₁ᵀA₂) ⊙ (B₁B₂ᵀ); nil where these matrices are larger than the product.
    private static func inner(
        _ a: (up: DoubleMatrix, down: DoubleMatrix), _ b: (up: DoubleMatrix, down: DoubleMatrix)
    ) -> Double? {
        let size = Double(a.up.columns) * Double(b.up.columns)
        guard size <= Double(a.up.rows) * Double(a.down.columns) else { return nil }
        return (a.up.transposed * b.up).inner(a.down * b.down.transposed)
    }

    /// The Gram matrices of the row-wise Kronecker products; nil where writing the product out costs less.
    private static func gramNorm(_ a: UpdateFactors, _ b: UpdateFactors) -> Double? {
        guard let first = a.pair, let second = b.pair else { return nil }
        let ranks = (Double(first.up.columns), Double(second.up.columns))
        let side = ranks.0 * ranks.1
        let height = Double(a.rows) + Double(a.columns)
        guard side <= 4096, height * side * side < a.numbers * (ranks.0 + ranks.1) else { return nil }
        return gram(first.up, second.up).inner(gram(first.down.transposed, second.down.transposed))
    }

    /// KᵀK for K the row-wise Kronecker product, some rows at a time.
    private static func gram(_ a: DoubleMatrix, _ b: DoubleMatrix) -> DoubleMatrix {
        let side = a.columns * b.columns
        let height = max(1, block / max(1, side))
        var sum = DoubleMatrix.zeros(side, side)
        for start in stride(from: 0, to: a.rows, by: height) {
            let range = start..<min(a.rows, start + height)
            let part = rowwise(a.rows(range), b.rows(range))
            sum = sum + part.transposed * part
        }
        return sum
    }

    /// Row i is the Kronecker product of both rows i.
    private static func rowwise(_ a: DoubleMatrix, _ b: DoubleMatrix) -> DoubleMatrix {
        var values: [Double] = []
        values.reserveCapacity(a.rows * a.columns * b.columns)
        for row in 0..<a.rows {
            for i in 0..<a.columns {
                let factor = a[row, i]
                for j in 0..<b.columns { values.append(factor * b[row, j]) }
            }
        }
        return DoubleMatrix(values, rows: a.rows, columns: a.columns * b.columns)
    }
}

extension DoubleMatrix {
    /// Columns of both.
    fileprivate func beside(_ other: DoubleMatrix) -> DoubleMatrix {
        var values: [Double] = []
        values.reserveCapacity(self.values.count + other.values.count)
        for row in 0..<rows {
            values += self.values[row * columns..<(row + 1) * columns]
            values += other.values[row * other.columns..<(row + 1) * other.columns]
        }
        return DoubleMatrix(values, rows: rows, columns: columns + other.columns)
    }
}
