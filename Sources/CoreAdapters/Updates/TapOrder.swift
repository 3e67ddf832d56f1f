/// Files keep kernel positions fastest (PyTorch: `[rows, inputs, taps]`), memory keeps channels fastest
/// (`[rows, taps, inputs]`), so that one convolution row is one run of channels. The same holds for flattened
/// factors.
package enum TapOrder {
    /// A file's values as kernels read them.
    package static func memory(fromFile file: [Float], taps: Int, inputs: Int) -> [Float] {
        swapped(file, outer: inputs, inner: taps)
    }

    /// Values in memory as files have them.
    package static func file(fromMemory memory: [Float], taps: Int, inputs: Int) -> [Float] {
        swapped(memory, outer: taps, inner: inputs)
    }

    /// `[rows, outer, inner]` → `[rows, inner, outer]`
    private static func swapped(_ values: [Float], outer: Int, inner: Int) -> [Float] {
        guard outer > 1, inner > 1 else { return values }
        let block = outer * inner
        precondition(values.count % block == 0, "\(values.count) values are no rows of \(outer)×\(inner)")
        return [Float](unsafeUninitializedCapacity: values.count) { result, count in
            for start in stride(from: 0, to: values.count, by: block) {
                for o in 0..<outer {
                    for i in 0..<inner { result[start + i * outer + o] = values[start + o * inner + i] }
                }
            }
            count = values.count
        }
    }
}
