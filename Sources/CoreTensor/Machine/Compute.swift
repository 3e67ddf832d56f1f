import CKernels
import COpenBLAS

/// The machine: a fixed pool of threads shared by all kernels of the process.
package enum Compute {
    /// How many threads share the work, the caller included.
    package static func configure(threads: Int) {
        precondition(threads >= 1, "\(threads) threads")
        ck_pool_configure(Int32(threads))
    }

    package static var threads: Int { Int(ck_pool_threads()) }

    /// How many threads share what begins here: 1 inside of `parallel`.
    static var sharing: Int { Int(ck_pool_sharing()) }

    /// Runs `body` for each of 0..<parts and returns when all are done. A part's result must not depend on
    /// the thread that runs it; nested calls run in the calling thread.
    package static func parallel(_ parts: Int, _ body: (Int) -> Void) {
        guard parts > 1 else {
            if parts == 1 { body(0) }
            return
        }
        withoutActuallyEscaping(body) { escapable in
            var closure = escapable
            withUnsafeMutablePointer(to: &closure) { context in
                ck_parallel(
                    parts, { $0!.assumingMemoryBound(to: ((Int) -> Void).self).pointee($1) }, context)
            }
        }
    }

    /// Gives idle buffers back to the system; the pool otherwise keeps what was ever needed at one time.
    package static func releaseIdleBuffers() { ck_buffer_trim() }

    /// Bytes held by tensors and by idle buffers.
    package static var bufferBytes: Int { Int(ck_buffer_bytes()) }

    package static var description: ComputeDescription { description(of: .f32) }

    /// What a run in that precision depends on.
    package static func description(of precision: Precision) -> ComputeDescription {
        _ = BLAS.ready
        let configuration = String(cString: openblas_get_config()).split(separator: " ")
        return ComputeDescription(
            openBLASVersion: configuration.count > 1 ? String(configuration[1]) : "unknown",
            kernel: String(cString: openblas_get_corename()), threads: threads, isa: String(cString: ck_isa()),
            bf16: precision.kernel)
    }

    /// Splits 0..<count into blocks of `block` (the last may be shorter). The blocks depend on the sizes
    /// only, never on the thread count, so sums over blocks come out the same on any number of threads.
    static func blocks(_ count: Int, of block: Int, _ body: (_ index: Int, _ range: Range<Int>) -> Void) {
        let parts = (count + block - 1) / block
        parallel(parts) { part in body(part, part * block..<min((part + 1) * block, count)) }
    }
}
