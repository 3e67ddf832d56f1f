package import CoreTensor

/// A weight of a module: the tensor that kernels read, and how it is spelt in a file.
package final class Parameter {
    /// In memory layout. Its contents are undefined until the module is loaded or initialised.
    package private(set) var tensor: Tensor
    package let layout: ParameterLayout
    /// Whether values are kept as half floats as soon as they are set, in which case f32 copies of a whole
    /// network never exist at once; and whether that may round them.
    package var halving = Halving.never

    package enum Halving { case never, withoutLoss, rounding }

    /// - Parameter shape: in memory layout.
    /// - Precondition: a convolution has four axes.
    package init(shape: [Int], layout: ParameterLayout = .plain) {
        precondition(layout == .plain || shape.count == 4, "a convolution weight has 4 axes, not \(shape)")
        self.tensor = Tensor(uninitialized: shape)
        self.layout = layout
        tensor.markAsWeight()
    }

    /// The shape this parameter has in a file: PyTorch's.
    package var fileShape: [Int] {
        let shape = tensor.shape
        return layout == .plain ? shape : [shape[0], shape[3], shape[1], shape[2]]
    }

    /// The weight as PyTorch would store it.
    package func fileValues() -> (shape: [Int], floats: [Float]) {
        guard layout == .convolution else { return (tensor.shape, tensor.values) }
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
        let wanted = fileShape
        guard Self.withoutUnitTaps(found) == Self.withoutUnitTaps(wanted), floats.count == tensor.count else {
            throw NetsError(code: .wrongShape, message: "found shape \(found), wanted \(wanted)")
        }
        let taps = layout == .convolution ? wanted[2] * wanted[3] : 1
        let inputs = layout == .convolution ? wanted[1] : 1
        prepareToSet()
        tensor.withMutableBuffer { memory in
            guard taps > 1 else {
                _ = memory.update(fromContentsOf: floats)
                return
            }
            floats.withUnsafeBufferPointer { file in
                Compute.parallel(wanted[0]) { o in
                    for tap in 0..<taps {
                        for i in 0..<inputs {
                            memory[(o * taps + tap) * inputs + i] = file[(o * inputs + i) * taps + tap]
                        }
                    }
                }
            }
        }
        settle()
    }

    /// Makes room for f32 elements where half floats are kept; before every element is set.
    func prepareToSet() {
        guard tensor.isHalf else { return }
        tensor = Tensor(uninitialized: tensor.shape)
        tensor.markAsWeight()
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
        tensor.markAsWeight()
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
