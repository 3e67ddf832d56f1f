package import CoreTensor

/// A weight of a module: the tensor that kernels read, and how it is spelt in a file.
package final class Parameter {
    /// In memory layout. Its contents are undefined until the module is loaded or initialised.
    package private(set) var tensor: Tensor
    package let layout: ParameterLayout

    /// - Parameter shape: in memory layout.
    /// - Precondition: a convolution has four axes.
    package init(shape: [Int], layout: ParameterLayout = .plain) {
        precondition(layout == .plain || shape.count == 4, "a convolution weight has 4 axes, not \(shape)")
        self.tensor = Tensor(uninitialized: shape)
        self.layout = layout
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
    /// A matrix may also come as a 1×1 convolution `[O, I, 1, 1]` and the other way round: old VAE files do that.
    /// - Throws: `NetsError.wrongShape`.
    package func load(fileShape found: [Int], floats: [Float]) throws {
        let wanted = fileShape
        guard Self.withoutUnitTaps(found) == Self.withoutUnitTaps(wanted), floats.count == tensor.count else {
            throw NetsError(code: .wrongShape, message: "found shape \(found), wanted \(wanted)")
        }
        let taps = layout == .convolution ? wanted[2] * wanted[3] : 1
        let inputs = layout == .convolution ? wanted[1] : 1
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
    }

    /// Keeps the values as half floats from now on, in half the memory.
    ///
    /// - Parameter rounding: whether values may change; without it only weights that lose nothing are kept so.
    package func keepAsHalf(rounding: Bool = false) {
        if let half = tensor.halved(rounding: rounding) { tensor = half }
    }

    /// Sets every element; `tensor` keeps its identity, so optimisers and adapters that hold it see the change.
    package func fill(_ value: Float) {
        tensor.withMutableBuffer { $0.update(repeating: value) }
    }

    private static func withoutUnitTaps(_ shape: [Int]) -> [Int] {
        shape.count == 4 && shape[2] == 1 && shape[3] == 1 ? Array(shape[..<2]) : shape
    }
}
