/// Feature vectors of `count` images, one row each, scaled to length 1.
///
/// Every metric of this module reads normalised rows, so that a product of two rows is their cosine.
package struct FeatureRows: Sendable, Equatable {
    package let count: Int
    package let width: Int
    /// Row-major `[count, width]`.
    package let values: [Float]
    /// Of each vector before it was scaled.
    package let lengths: [Float]

    /// Normalises the rows; a row of zeros stays zero.
    ///
    /// - Parameter values: row-major `[count, width]`, any scale.
    package init(normalizing values: [Float], count: Int) {
        precondition(count > 0 && values.count % count == 0, "\(values.count) values do not make \(count) rows")
        let width = values.count / count
        var unit = values
        var lengths: [Float] = []
        for row in 0..<count {
            var squares = 0.0
            for column in 0..<width {
                squares += Double(values[row * width + column]) * Double(values[row * width + column])
            }
            lengths.append(Float(squares.squareRoot()))
            let scale = squares > 0 ? 1 / squares.squareRoot() : 0
            for column in 0..<width {
                unit[row * width + column] = Float(Double(values[row * width + column]) * scale)
            }
        }
        self.count = count
        self.width = width
        self.values = unit
        self.lengths = lengths
    }

    private init(count: Int, width: Int, values: [Float], lengths: [Float]) {
        self.count = count
        self.width = width
        self.values = values
        self.lengths = lengths
    }

    /// The rows of all parts below each other.
    package static func joined(_ parts: [FeatureRows]) -> FeatureRows {
        precondition(!parts.isEmpty && parts.allSatisfy { $0.width == parts[0].width }, "rows of different widths")
        return FeatureRows(
            count: parts.reduce(0) { $0 + $1.count }, width: parts[0].width, values: parts.flatMap(\.values),
            lengths: parts.flatMap(\.lengths))
    }

    /// One vector.
    package func row(_ index: Int) -> ArraySlice<Float> { values[index * width..<(index + 1) * width] }

    /// The chosen rows, in the order given; an index may repeat.
    package func rows(_ indices: [Int]) -> FeatureRows {
        FeatureRows(
            count: indices.count, width: width, values: indices.flatMap { row($0) },
            lengths: indices.map { lengths[$0] })
    }

    /// Mean of the rows, not normalised again.
    package var centroid: [Double] {
        var mean = [Double](repeating: 0, count: width)
        for row in 0..<count {
            for column in 0..<width { mean[column] += Double(values[row * width + column]) }
        }
        return mean.map { $0 / Double(count) }
    }
}
