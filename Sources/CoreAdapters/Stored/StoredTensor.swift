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

    /// Input channels of a layer's weight.
    var inputs: Int { shape.count > 1 ? shape[1] : 1 }

    /// Multiplies every number.
    package mutating func scale(by factor: Double) { for i in values.indices { values[i] *= factor } }

    package var floats: [Float] { values.map { Float($0) } }
}

extension StoredTensor {
    /// A weight with its input channels mixed: Σⱼ W[o, j, t] · m[j, i].
    ///
    /// - Parameter matrix: `[inputs, inputs]`.
    /// - Returns: `[outputs, inputs · taps]`.
    func mixed(by matrix: DoubleMatrix) -> DoubleMatrix {
        let weight = self.matrix
        let inputs = matrix.rows
        let taps = weight.columns / inputs
        guard taps > 1 else { return weight * matrix }
        var result: [Double] = []
        result.reserveCapacity(weight.values.count)
        let turned = matrix.transposed
        for row in 0..<weight.rows {
            result += (turned * weight.rows(row..<row + 1).reshaped(rows: inputs, columns: taps)).values
        }
        return DoubleMatrix(result, rows: weight.rows, columns: weight.columns)
    }
}

extension DoubleMatrix {
    /// - Throws: `AdapterError` for a matrix whose singular values cannot be found.
    func decomposed(of layer: String) throws -> SingularValues {
        guard let values = singularValues() else {
            throw AdapterError(.wrongShape, "\(layer): its change has no singular values; are all its numbers finite?")
        }
        return values
    }

    /// ‖self − other‖ / ‖other‖
    func relativeError(to other: DoubleMatrix) -> Double {
        let norm = other.norm
        return norm == 0 ? 0 : (self - other).norm / norm
    }
}
