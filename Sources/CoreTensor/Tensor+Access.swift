extension Tensor {
    /// A copy of the elements.
    package var values: [Float] { withBuffer { Array($0) } }

    /// The only element.
    package func item() -> Float {
        precondition(count == 1, "item() of shape \(shape)")
        return pointer.pointee
    }

    /// The elements to be read, in row-major order. Half floats are copied to f32 first.
    ///
    /// - Throws: what `body` throws.
    package func withBuffer<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
        if isHalf { return try widened().withBuffer(body) }
        return try body(UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// Changes elements in place, for this tensor and all that share its storage, and counts the change
    /// (`version`).
    ///
    /// - Throws: what `body` throws.
    package func withMutableBuffer<R>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows -> R {
        precondition(!isHalf, "weights \(shape) stored as half floats are changed")
        storage.version += 1
        return try body(UnsafeMutableBufferPointer(start: storage.base, count: count))
    }

    /// Counts in-place changes; equal numbers mean equal contents.
    package var version: Int { storage.version }

    /// - Precondition: f32 elements.
    var pointer: UnsafeMutablePointer<Float> {
        precondition(!storage.isHalf, "weights \(shape) stored as half floats in place of f32")
        return storage.base
    }

    /// Size of the last axis; 1 for a scalar.
    var channels: Int { shape.last ?? 1 }

    /// How many vectors of `channels` elements there are.
    var rowCount: Int { shape.dropLast().reduce(1, *) }
}
