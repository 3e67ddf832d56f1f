package import CoreTensor

/// The product of a convolution's core with its inner factor.
package enum TuckerCore {
    /// Σₙ core[m, n, t] · inner[n, q], `[r, Q · taps]`, kernel positions fastest.
    ///
    /// - Parameters:
    ///   - core: `[r, n · taps]`.
    ///   - inner: `[n, Q]`.
    package static func lowered(_ core: DoubleMatrix, inner: DoubleMatrix, taps: Int) -> DoubleMatrix {
        let turned = inner.transposed
        let width = inner.rows * taps
        var values: [Double] = []
        values.reserveCapacity(core.rows * inner.columns * taps)
        for m in 0..<core.rows {
            let slice = DoubleMatrix(
                Array(core.values[m * width..<(m + 1) * width]), rows: inner.rows, columns: taps)
            values += (turned * slice).values
        }
        return DoubleMatrix(values, rows: core.rows, columns: inner.columns * taps)
    }
}
