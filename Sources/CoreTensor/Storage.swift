import CKernels

/// A buffer of floats from the pool, shared by every tensor that views it.
final class Storage {
    let base: UnsafeMutablePointer<Float>
    private let bytes: Int
    /// Counts writes through `Tensor.withMutableBuffer`, so that whoever keeps something derived from
    /// the contents knows when it is stale.
    var version = 0
    /// The contents as products in bf16 read them, where they were kept.
    var panels: PackedPanels?
    /// Whether the elements are IEEE half floats (those of a tensor) or other numbers of two bytes.
    let isHalf: Bool

    init(count: Int, isHalf: Bool = false) {
        self.isHalf = isHalf
        bytes = max(count, 1) * (isHalf ? MemoryLayout<UInt16>.stride : MemoryLayout<Float>.stride)
        base = ck_buffer_take(bytes)
    }

    /// The elements where they take two bytes.
    var halves: UnsafePointer<UInt16>? {
        isHalf ? UnsafePointer(UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt16.self)) : nil
    }

    deinit { ck_buffer_give(base, bytes) }
}
