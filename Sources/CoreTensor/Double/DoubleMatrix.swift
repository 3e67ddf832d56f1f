import COpenBLAS

/// A row-major matrix in f64: what merging, extracting and resizing adapters compute with. Nothing here is
/// recorded.
package struct DoubleMatrix: Equatable, Sendable {
    package let rows: Int
    package let columns: Int
    package var values: [Double]

    /// - Precondition: `values` has rows · columns elements.
    package init(_ values: [Double], rows: Int, columns: Int) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// A matrix of zeros.
    package static func zeros(_ rows: Int, _ columns: Int) -> DoubleMatrix {
        DoubleMatrix(Array(repeating: 0, count: rows * columns), rows: rows, columns: columns)
    }

    /// A square matrix with ones on its diagonal.
    package static func identity(_ side: Int) -> DoubleMatrix {
        var result = zeros(side, side)
        for i in 0..<side { result[i, i] = 1 }
        return result
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    /// The same elements in other rows.
    package func reshaped(rows: Int, columns: Int) -> DoubleMatrix {
        DoubleMatrix(values, rows: rows, columns: columns)
    }

    package var transposed: DoubleMatrix {
        let result = [Double](unsafeUninitializedCapacity: values.count) { out, count in
            values.withUnsafeBufferPointer { source in
                // Square tiles keep both sides in the cache.
                let tile = 32
                for top in stride(from: 0, to: rows, by: tile) {
                    for left in stride(from: 0, to: columns, by: tile) {
                        for i in top..<min(top + tile, rows) {
                            for j in left..<min(left + tile, columns) { out[j * rows + i] = source[i * columns + j] }
                        }
                    }
                }
            }
            count = values.count
        }
        return DoubleMatrix(result, rows: columns, columns: rows)
    }

    /// Every entry times the factor.
    package func scaled(by factor: Double) -> DoubleMatrix {
        factor == 1 ? self : DoubleMatrix(values.map { $0 * factor }, rows: rows, columns: columns)
    }

    /// - Precondition: equal sizes, here and for all that follow.
    package static func + (a: DoubleMatrix, b: DoubleMatrix) -> DoubleMatrix { a.combined(b, +) }
    package static func - (a: DoubleMatrix, b: DoubleMatrix) -> DoubleMatrix { a.combined(b, -) }
    /// Entry by entry.
    package func hadamard(_ other: DoubleMatrix) -> DoubleMatrix { combined(other, *) }

    /// ⟨self, other⟩ = Σ aᵢⱼ bᵢⱼ
    package func inner(_ other: DoubleMatrix) -> Double {
        precondition(rows == other.rows && columns == other.columns, "\(self.size) and \(other.size)")
        // The library counts in 32 bits.
        let most = 1 << 30
        return values.withUnsafeBufferPointer { a in
            other.values.withUnsafeBufferPointer { b in
                stride(from: 0, to: values.count, by: most).reduce(0) { sum, start in
                    let count = min(most, values.count - start)
                    return sum + cblas_ddot(blasint(count), a.baseAddress! + start, 1, b.baseAddress! + start, 1)
                }
            }
        }
    }

    /// Frobenius norm.
    package var norm: Double { inner(self).squareRoot() }

    package var isFinite: Bool { values.allSatisfy(\.isFinite) }

    private var size: String { "\(rows)×\(columns)" }

    private func combined(_ other: DoubleMatrix, _ operation: (Double, Double) -> Double) -> DoubleMatrix {
        precondition(rows == other.rows && columns == other.columns, "\(size) and \(other.size)")
        let result = [Double](unsafeUninitializedCapacity: values.count) { out, count in
            let (a, b) = (values.span, other.values.span)
            for i in 0..<values.count { out[i] = operation(a[unchecked: i], b[unchecked: i]) }
            count = values.count
        }
        return DoubleMatrix(result, rows: rows, columns: columns)
    }

    /// Matrix product.
    ///
    /// - Precondition: as many columns here as rows there.
    package static func * (a: DoubleMatrix, b: DoubleMatrix) -> DoubleMatrix {
        precondition(a.columns == b.rows, "\(a.size) times \(b.size)")
        _ = BLAS.ready
        var result = zeros(a.rows, b.columns)
        guard a.rows > 0, b.columns > 0, a.columns > 0 else { return result }
        result.values.withUnsafeMutableBufferPointer { out in
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(a.rows), blasint(b.columns), blasint(a.columns), 1,
                a.values, blasint(a.columns), b.values, blasint(b.columns), 0, out.baseAddress, blasint(b.columns))
        }
        return result
    }

    /// Kronecker product: entry (a·K + b, c·N + d) is self[a, c] · other[b, d].
    package func kronecker(_ other: DoubleMatrix) -> DoubleMatrix {
        var result = DoubleMatrix.zeros(rows * other.rows, columns * other.columns)
        let width = result.columns
        let block = other.values.span
        var out = result.values.mutableSpan
        for a in 0..<rows {
            for c in 0..<columns {
                let factor = self[a, c]
                for b in 0..<other.rows {
                    let start = (a * other.rows + b) * width + c * other.columns
                    for d in 0..<other.columns {
                        out[unchecked: start + d] = factor * block[unchecked: b * other.columns + d]
                    }
                }
            }
        }
        return result
    }

    /// Rows `range`.
    package func rows(_ range: Range<Int>) -> DoubleMatrix {
        DoubleMatrix(
            Array(values[range.lowerBound * columns..<range.upperBound * columns]), rows: range.count, columns: columns)
    }

    /// The first `count` columns.
    package func leadingColumns(_ count: Int) -> DoubleMatrix {
        var result: [Double] = []
        result.reserveCapacity(rows * count)
        for row in 0..<rows { result += values[row * columns..<row * columns + count] }
        return DoubleMatrix(result, rows: rows, columns: count)
    }
}
