import CKernels

/// A buffer of floats from the pool, shared by every tensor that views it.
final class Storage {
    let base: UnsafeMutablePointer<Float>
    private let bytes: Int
    /// Counts writes through `Tensor.withMutableBuffer`, so that a copy derived from frozen weights knows when it is stale.
    var version = 0
    /// Transformed copies of this storage (packed, flipped), kept while `version` stays the same.
    var derived: [DerivedKey: (version: Int, copy: Storage)] = [:]

    /// What a derived copy holds.
    enum DerivedKey: Hashable {
        case flipped(outputs: Int, height: Int, width: Int, inputs: Int)
    }

    init(count: Int) {
        bytes = max(count, 1) * MemoryLayout<Float>.stride
        base = ck_buffer_take(bytes)
    }

    deinit { ck_buffer_give(base, bytes) }

    /// The copy for `key`, made by `make` unless one of this version exists.
    func derived(_ key: DerivedKey, make: () -> Storage) -> Storage {
        if let found = derived[key], found.version == version { return found.copy }
        let copy = make()
        derived[key] = (version, copy)
        return copy
    }
}
