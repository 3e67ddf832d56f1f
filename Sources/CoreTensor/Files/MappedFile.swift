import Glibc

/// A file mapped into memory whose parts are tensors: processes share its pages, and none is read before it
/// is needed. Whoever writes to such a tensor gets a page of its own; the file stays.
// Unchecked: the address never changes; who writes to its tensors keeps to one thread.
package final class MappedFile: @unchecked Sendable {
    package let size: Int
    private let start: UnsafeMutableRawPointer

    /// - Parameter descriptor: stays open and may be closed.
    /// - Returns: nil where the system maps nothing.
    package init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return nil }
        size = Int(status.st_size)
        guard
            let start = mmap(
                nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0),
            start != MAP_FAILED
        else { return nil }
        self.start = start
    }

    deinit { munmap(start, size) }

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: size) }

    /// The numbers from `offset` on, without a copy.
    ///
    /// - Returns: nil where the file has fewer, or fewer than 128 bytes behind them.
    package func tensor(at offset: Int, shape: [Int], isHalf: Bool) -> Tensor? {
        let bytes = shape.reduce(1, *) * (isHalf ? 2 : 4)
        guard offset >= 0, offset % 64 == 0, bytes <= size, offset <= size - bytes - 128 else { return nil }
        return Tensor(
            shape: shape, storage: Storage(at: start + offset, count: shape.product, isHalf: isHalf, owner: self))
    }
}

extension Tensor {
    /// The elements' bytes as they lie in memory, half floats or f32.
    ///
    /// - Throws: what `body` throws.
    package func withStoredBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: address, count: count * (isHalf ? 2 : 4)))
    }
}
