package import CoreTensor

/// A tensor in a file's own layout (PyTorch's), in f64.
package struct StoredTensor: Equatable, Sendable {
    package var shape: [Int]
    package var values: [Double]

    package init(_ values: [Double], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    package init(_ matrix: DoubleMatrix, shape: [Int]) { self.init(matrix.values, shape: shape) }

    /// The first axis by all others: a layer's weight as `[outputs, inputs · taps]`.
    package var matrix: DoubleMatrix {
        let rows = shape.first ?? 1
        return DoubleMatrix(values, rows: rows, columns: rows == 0 ? 0 : values.count / rows)
    }

    package mutating func scale(by factor: Double) { for i in values.indices { values[i] *= factor } }

    package var floats: [Float] { values.map { Float($0) } }
}
