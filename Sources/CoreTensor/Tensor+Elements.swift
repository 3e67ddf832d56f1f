/// How `withElements` hands out one tensor's elements.
package protocol ElementAccess {
    associatedtype Elements
    /// Holds the memory while `elements` is in use.
    var tensor: Tensor { get }
    /// The first element; valid while `tensor` lives.
    var elements: Elements { get }
}

/// Elements that are read, as f32 whatever they are stored as.
package struct ElementReading: ElementAccess {
    package let tensor: Tensor
    package var elements: UnsafePointer<Float> { UnsafePointer(tensor.pointer) }
}

/// Elements that are changed in place.
package struct ElementWriting: ElementAccess {
    package let tensor: Tensor
    package var elements: UnsafeMutablePointer<Float> { tensor.pointer }
}

extension Tensor {
    /// For `withElements`: elements that are read. Half floats are copied to f32 first.
    package var reading: ElementReading { ElementReading(tensor: widened()) }

    /// For `withElements`: elements that are changed, for this tensor and all that share its storage. Counts
    /// the change (`version`).
    ///
    /// - Precondition: f32 elements.
    package var writing: ElementWriting {
        withMutableBuffer { _ in ElementWriting(tensor: self) }
    }
}

/// Runs `body` with the elements of several tensors at once:
/// `withElements(a.reading, out.writing) { a, out in … }`.
///
/// Each is a pointer to the first element, in row-major order; how many there are, the tensor's shape says.
/// Pointers must not leave `body`. A tensor that is read and written in one call is handed out as the same
/// memory twice.
///
/// - Throws: what `body` throws.
package func withElements<each Access: ElementAccess, Result>(
    _ accesses: repeat each Access, body: (repeat (each Access).Elements) throws -> Result
) rethrows -> Result {
    try withExtendedLifetime((repeat (each accesses).tensor)) { try body(repeat (each accesses).elements) }
}
