package import CoreTensor

/// Encodings made once, one item at a time: a row encoded in a batch may differ in its last bits from the
/// same row alone, and a cache must not depend on how it was filled.
package struct TensorCache {
    private let rows: [[Float]]
    /// Of each item, without the batch axis.
    private let shapes: [[Int]]

    package var count: Int { rows.count }

    /// Shape of one item, without the batch axis.
    package func shape(of index: Int) -> [Int] { shapes[index] }

    /// - Parameter encode: gives `[1, …]` for each item.
    /// - Throws: what `encode` throws.
    package init<Item>(_ items: [Item], encode: (Item) throws -> Tensor) rethrows {
        var rows: [[Float]] = []
        var shapes: [[Int]] = []
        for item in items {
            let encoded = try withoutGradients { try encode(item) }
            precondition(encoded.shape.first == 1, "one item of shape \(encoded.shape)")
            shapes.append(Array(encoded.shape.dropFirst()))
            rows.append(encoded.values)
        }
        self.rows = rows
        self.shapes = shapes
    }

    /// - Returns: `[indices.count] + shape of an item`.
    /// - Precondition: at least one item, all of one shape.
    package func batch(_ indices: [Int]) -> Tensor {
        let itemShape = shapes[indices[0]]
        precondition(indices.allSatisfy { shapes[$0] == itemShape }, "a batch of items of different shapes")
        let size = itemShape.reduce(1, *)
        let out = Tensor(uninitialized: [indices.count] + itemShape)
        out.withMutableBuffer { buffer in
            for (position, index) in indices.enumerated() {
                _ = buffer[position * size..<(position + 1) * size].update(fromContentsOf: rows[index])
            }
        }
        return out
    }
}
