import CoreNets
import CoreTensor
import Foundation

/// Where the generator put its files.
enum Fixtures {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path

    static func path(_ name: String) -> String { directory + "/" + name }
}

/// A network of one linear layer and one convolution, in a block whose class can be selected.
final class TwoLayers: Module {
    let linear: Linear
    let convolution: Conv2d
    let norm: LayerNorm

    init(outputs: Int, inputs: Int, kernel: Int = 3, stride: Int = 1, bias: Bool = false) {
        linear = Linear(inputs: inputs, outputs: outputs, bias: bias)
        convolution = Conv2d(
            inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: Padding(kernel / 2), bias: bias)
        norm = LayerNorm(channels: outputs, epsilon: 1e-5)
        initialize(seed: 3)
    }

    var className: String { "Block" }
    var children: [(name: String, module: any Module)] { [("lin", linear), ("conv", convolution), ("norm", norm)] }
}

/// The golden tables' filling: ((k·q mod 7) − 3) / 10 for element k in row-major order.
func filled(_ shape: [Int], q: Int) -> [Float] {
    (0..<shape.reduce(1, *)).map { Float(($0 * q) % 7 - 3) / 10 }
}

/// Largest difference, by the largest value of `wanted`.
func relativeError(_ found: [Float], _ wanted: [Float]) -> Double {
    guard found.count == wanted.count else { return .infinity }
    var (worst, largest) = (0.0, 0.0)
    for (a, b) in zip(found, wanted) {
        if !a.isFinite { return .infinity }
        worst = max(worst, Double(abs(a - b)))
        largest = max(largest, Double(abs(b)))
    }
    return worst / max(largest, 1e-30)
}

/// What a layer does to the unit vectors: its effective weight, `[out, in]`.
func effectiveWeight(_ layer: Linear) -> [Float] {
    let unit = Tensor.zeros([layer.inputs, layer.inputs])
    unit.withMutableBuffer { for i in 0..<layer.inputs { $0[i * layer.inputs + i] = 1 } }
    return withoutGradients { permuted(layer(unit), [1, 0]).values }
}

func randomTensor(_ shape: [Int], seed: UInt64) -> Tensor {
    var stream = RandomStream(seed: seed, purpose: "test")
    let tensor = Tensor(uninitialized: shape)
    stream.fillNormal(tensor)
    return tensor
}
