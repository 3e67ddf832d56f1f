package import CoreTensor

/// Encodings made once, one item at a time: a row encoded in a batch may differ in its last bits from the same row alone,
/// and a cache must not depend on how it was filled.
package struct TensorCache {
    private let rows: [[Float]]
    /// Shape of one item, without the batch axis.
    package let itemShape: [Int]

    package var count: Int { rows.count }

    /// - Parameter encode: gives `[1, …]` for each item, of the same shape for all.
    package init<Item>(_ items: [Item], encode: (Item) throws -> Tensor) rethrows {
        var rows: [[Float]] = []
        var shape: [Int] = []
        for item in items {
            let encoded = try withoutGradients { try encode(item) }
            precondition(rows.isEmpty || encoded.shape == shape, "cached items of shapes \(shape) and \(encoded.shape)")
            precondition(encoded.shape.first == 1, "one item of shape \(encoded.shape)")
            shape = encoded.shape
            rows.append(encoded.values)
        }
        self.rows = rows
        itemShape = Array(shape.dropFirst())
    }

    /// - Returns: `[indices.count] + itemShape`.
    package func batch(_ indices: [Int]) -> Tensor {
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

extension TensorCache {
    /// Latents of training images: each is cropped square, resized to `resolution` and encoded alone.
    ///
    /// - Parameter encode: pixels `[1, resolution, resolution, 3]` in -1…1 to scaled latents `[1, h, w, c]`.
    package static func latents(
        of images: [TrainingImage], resolution: Int, encode: (Tensor) throws -> Tensor
    ) throws -> TensorCache {
        try TensorCache(images) { try encode(ConceptDataSet.square($0, resolution: resolution).tensor()) }
    }
}
