import CoreTensor

/// The results of `body` for 0..<count in order, shared among the threads; the first error in order is
/// thrown.
func inParallel<T>(_ count: Int, _ body: (Int) throws -> T) throws -> [T] {
    var results = [Result<T, any Error>?](repeating: nil, count: count)
    results.withUnsafeMutableBufferPointer { results in
        let results = results
        Compute.parallel(count) { index in results[index] = Result { try body(index) } }
    }
    return try results.compactMap { try $0?.get() }
}
