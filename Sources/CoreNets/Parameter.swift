package import CoreTensor

/// A weight of a module: the tensor that kernels read, and how it is spelt in a file.
package final class Parameter {
    /// In memory layout. Its contents are undefined until the module is loaded or initialised.
    package private(set) var tensor: Tensor {
        get {
            if let made { return made }
            let tensor = Tensor(uninitialized: shape)
            made = tensor
            return tensor
        }
        set { made = newValue }
    }
    /// Nil before anybody asks: of some networks only the shapes are looked at, others lie in a mapped file.
    private var made: Tensor?
    /// In memory layout.
    package let shape: [Int]
    package let layout: ParameterLayout
    /// Whether values are kept as half floats as soon as they are set, in which case f32 copies of a whole
    /// network never exist at once; and whether that may round them.
    package var halving = Halving.never

    package enum Halving { case never, withoutLoss, rounding }

    /// - Parameter shape: in memory layout.
    /// - Precondition: a convolution has four axes.
    package init(shape: [Int], layout: ParameterLayout = .plain) {
        precondition(layout == .plain || shape.count == 4, "a convolution weight has 4 axes, not \(shape)")
        self.shape = shape
        self.layout = layout
    }

    /// The shape this parameter has in a file: PyTorch's.
    package var fileShape: [Int] {
        layout == .plain ? shape : [shape[0], shape[3], shape[1], shape[2]]
    }

    /// The weight as PyTorch would store it.
    package func fileValues() -> (shape: [Int], floats: [Float]) {
        guard layout == .convolution else { return (shape, tensor.values) }
        let shape = fileShape
        let (outputs, inputs, taps) = (shape[0], shape[1], shape[2] * shape[3])
        let floats = tensor.withBuffer { memory in
            [Float](unsafeUninitializedCapacity: memory.count) { file, count in
                for o in 0..<outputs {
                    for tap in 0..<taps {
                        for i in 0..<inputs {
                            file[(o * inputs + i) * taps + tap] = memory[(o * taps + tap) * inputs + i]
                        }
                    }
                }
                count = memory.count
            }
        }
        return (shape, floats)
    }

    /// Takes over values in file layout.
    ///
    /// A matrix may also come as a 1×1 convolution `[O, I, 1, 1]` and the other way round: old VAE files do
    /// that.
    /// - Throws: `NetsError.wrongShape`.
    package func load(fileShape found: [Int], floats: [Float]) throws {
        guard floats.count == shape.reduce(1, *) else { throw wrongShape(found) }
        try load(fileShape: found) { _ = $0.update(fromContentsOf: floats) }
    }

    /// The same of values that `read` fills in.
    ///
    /// - Throws: `NetsError.wrongShape`; what `read` throws.
    func load(fileShape found: [Int], read: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
        let wanted = fileShape
        guard Self.withoutUnitTaps(found) == Self.withoutUnitTaps(wanted) else { throw wrongShape(found) }
        let taps = layout == .convolution ? wanted[2] * wanted[3] : 1
        let inputs = layout == .convolution ? wanted[1] : 1
        prepareToSet()
        if taps == 1 {
            try tensor.withMutableBuffer(read)
        } else {
            let stored = Tensor(uninitialized: wanted)
            try stored.withMutableBuffer(read)
            withElements(stored.reading, tensor.writing) { file, memory in
                Compute.parallel(wanted[0]) { o in
                    let (from, to) = (file + o * inputs * taps, memory + o * inputs * taps)
                    for tap in 0..<taps {
                        for i in 0..<inputs { to[tap * inputs + i] = from[i * taps + tap] }
                    }
                }
            }
        }
        settle()
    }

    private func wrongShape(_ found: [Int]) -> NetsError {
        NetsError(code: .wrongShape, message: "found shape \(found), wanted \(fileShape)")
    }

    /// Takes over a tensor that lies in memory as this parameter's does.
    func adopt(_ tensor: Tensor) {
        precondition(tensor.shape == shape, "a tensor \(tensor.shape) for a parameter \(shape)")
        self.tensor = tensor
    }

    /// Forgets the values: its memory is free for others.
    func release() { made = nil }

    /// Makes room for f32 elements where half floats are kept; before every element is set.
    func prepareToSet() {
        if made?.isHalf == true { made = nil }
    }

    /// Follows `halving` after every element was set.
    func settle() {
        if halving != .never { keepAsHalf(rounding: halving == .rounding) }
    }

    /// Keeps the values as half floats from now on, in half the memory.
    ///
    /// - Parameter rounding: whether values may change; without it only weights that lose nothing are kept
    ///   so.
    package func keepAsHalf(rounding: Bool = false) {
        guard !tensor.isHalf, let half = tensor.halved(rounding: rounding) else { return }
        tensor = half
        // At once, or both forms of a whole network would be held for a while.
        Compute.releaseIdleBuffers()
    }

    /// Sets every element; `tensor` keeps its identity, so optimisers and adapters that hold it see the
    /// change.
    package func fill(_ value: Float) {
        tensor.withMutableBuffer { $0.update(repeating: value) }
    }

    private static func withoutUnitTaps(_ shape: [Int]) -> [Int] {
        shape.count == 4 && shape[2] == 1 && shape[3] == 1 ? Array(shape[..<2]) : shape
    }
}
