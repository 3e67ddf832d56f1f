package import CoreTensor

/// One trainable tensor of an adapter: what kernels read, and how a file spells it.
package final class AdapterTensor {
    /// What follows the layer's name in a file, such as `lora_down.weight`.
    package let suffix: String
    /// PyTorch's shape.
    package let fileShape: [Int]
    /// Kernel positions and channels of the last axes, which files and memory order differently (`TapOrder`).
    private let taps: Int
    private let inputs: Int
    package let tensor: Tensor

    /// - Parameters:
    ///   - fileValues: in file layout; nil leaves the tensor zero.
    ///   - shape: in memory, as many elements as in the file.
    ///   - taps: kernel positions in the file's last axes; 1 where the layouts agree.
    ///   - inputs: the channels which the kernel positions follow in the file.
    package init(
        _ suffix: String, fileShape: [Int], shape: [Int], taps: Int = 1, inputs: Int = 1, fileValues: [Float]? = nil
    ) {
        let count = fileShape.reduce(1, *)
        precondition(shape.reduce(1, *) == count, "\(suffix): \(shape) in memory, \(fileShape) in the file")
        self.suffix = suffix
        self.fileShape = fileShape
        self.taps = taps
        self.inputs = inputs
        if let fileValues {
            self.tensor = Tensor(TapOrder.memory(fromFile: fileValues, taps: taps, inputs: inputs), shape)
        } else {
            self.tensor = .zeros(shape)
        }
        tensor.requiresGradient = true
    }

    package var fileValues: [Float] { fileOrder(of: tensor.values) }

    /// Values in this tensor's memory layout, as the file orders them.
    package func fileOrder(of values: [Float]) -> [Float] {
        TapOrder.file(fromMemory: values, taps: taps, inputs: inputs)
    }

    /// Adds another tensor of as many elements, in memory order.
    func add(_ other: Tensor) {
        withElements(other.reading, tensor.writing) { other, values in
            for i in 0..<tensor.count { values[i] += other[i] }
        }
    }

    /// Sets every element to U(±1/√fan), the start that `kaiming_uniform_(a=√5)` gives.
    func fillKaiming(fan: Int, stream: RandomStream) {
        var stream = stream
        let bound = 1 / Float(fan).squareRoot()
        tensor.withMutableBuffer { values in
            for i in values.indices { values[i] = (2 * stream.uniform() - 1) * bound }
        }
    }

    /// Sets every element to N(0, deviation²).
    func fillNormal(deviation: Float, stream: RandomStream) {
        var stream = stream
        tensor.withMutableBuffer { values in
            for i in values.indices { values[i] = stream.normal() * deviation }
        }
    }
}
