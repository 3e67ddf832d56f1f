import CKernels

/// A buffer of floats from the pool or a part of a mapped file, shared by every tensor that views it.
final class Storage {
    let base: UnsafeMutablePointer<Float>
    private let bytes: Int
    /// Counts writes through `Tensor.withMutableBuffer`, so that whoever keeps something derived from
    /// the contents knows when it is stale.
    var version = 0
    /// The contents as products read them, where they were kept.
    var panels: [PackedPanels] = []
    /// Whether the elements are IEEE half floats (those of a tensor) or other numbers of two bytes.
    let isHalf: Bool
    /// Holds the memory where it is no buffer of the pool.
    private let owner: AnyObject?

    init(count: Int, isHalf: Bool = false) {
        self.isHalf = isHalf
        bytes = max(count, 1) * (isHalf ? MemoryLayout<UInt16>.stride : MemoryLayout<Float>.stride)
        base = ck_buffer_take(bytes)
        owner = nil
    }

    /// Numbers that lie in memory of `owner`, with 128 readable bytes behind them, as kernels read whole
    /// vectors.
    init(at address: UnsafeMutableRawPointer, count: Int, isHalf: Bool, owner: AnyObject) {
        self.isHalf = isHalf
        self.owner = owner
        bytes = max(count, 1) * (isHalf ? MemoryLayout<UInt16>.stride : MemoryLayout<Float>.stride)
        base = address.assumingMemoryBound(to: Float.self)
    }

    /// The elements where they take two bytes.
    var halves: UnsafePointer<UInt16>? {
        isHalf ? UnsafePointer(UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt16.self)) : nil
    }

    deinit { if owner == nil { ck_buffer_give(base, bytes) } }
}
