import CKernels

/// Weights stored as IEEE half floats: `linear` and `conv2d` take them as they are and widen them while
/// packing, other operations need `widened()`.
extension Tensor {
    package var isHalf: Bool { storage.isHalf }

    /// The elements as half floats.
    ///
    /// - Parameter rounding: whether values may change; without it the result is nil unless every value is
    ///   kept.
    package func halved(rounding: Bool = false) -> Tensor? {
        if isHalf { return self }
        precondition(!requiresGradient, "trained weights \(shape) as half floats")
        let result = Tensor(shape: shape, storage: Storage(count: count, isHalf: true))
        let (from, to) = (pointer, result.halves!)
        let exact = Elementwise.sum(count) { start, length in
            Double(ck_narrow(length, from + start, UnsafeMutablePointer(mutating: to) + start))
        }
        let blocks = (count + Elementwise.block - 1) / Elementwise.block
        return rounding || exact == Double(blocks) ? result : nil
    }

    /// The tensor itself if it holds f32, a copy as f32 otherwise.
    package func widened() -> Tensor {
        guard let from = halves else { return self }
        let result = Tensor(uninitialized: shape)
        let to = result.pointer
        Elementwise.ranges(count) { ck_widen($1, from + $0, to + $0) }
        return result
    }

    /// The elements where they are half floats.
    var halves: UnsafePointer<UInt16>? { storage.halves }

    /// Where the elements lie, f32 or not: beside `halves`, for kernels that read either.
    var address: UnsafeMutablePointer<Float> { storage.base }
}
