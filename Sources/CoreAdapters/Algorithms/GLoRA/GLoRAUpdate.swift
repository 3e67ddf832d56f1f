package import CoreTensor
import RunSpec

/// GLoRA: ΔW = scale · (W·a1·a2 + b1·b2), the first term mixing the input channels of the frozen weight
/// (`a1.weight`, `a2.weight`, `b1.weight`, `b2.weight`).
///
/// - SeeAlso: Chavan et al., arXiv:2306.07967; the roles of the tensors as in lycoris-lora 3.0 and later.
package final class GLoRAUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let alpha: Float?
    private let scale: Float
    /// `[in, r]`, `[r, in]`, `[out, r]`, `[r, columns]`
    private let a1, a2, b1, b2: AdapterTensor
    /// The learnable factor of `use_scalar`; a file has it multiplied into `a2` and `b2`.
    private let scalar: AdapterTensor?

    init(
        a1: AdapterTensor, a2: AdapterTensor, b1: AdapterTensor, b2: AdapterTensor, scalar: AdapterTensor? = nil,
        alpha: Float?, scale: Float
    ) {
        (self.a1, self.a2, self.b1, self.b2) = (a1, a2, b1, b2)
        self.scalar = scalar
        self.alpha = alpha
        self.scale = scale
        self.tensors = [a1, a2, b1, b2] + [scalar].compactMap { $0 }
    }

    package var products: [[AdapterTensor]] { [[a1, a2], [b1, b2]] }

    package func fileTensors() -> [FileTensor] {
        let factor = scalar?.tensor.item() ?? 1
        return [a1, a2, b1, b2].map { tensor in
            let isFolded = factor != 1 && (tensor === a2 || tensor === b2)
            return FileTensor(
                suffix: tensor.suffix, shape: tensor.fileShape,
                floats: isFolded ? tensor.fileValues.map { $0 * factor } : tensor.fileValues)
        }
    }

    package func delta(base: Tensor) -> Tensor {
        let inputs = a1.tensor.shape[0]
        let mixed = matmul(matmul(base.reshaped([base.count / inputs, inputs]), a1.tensor), a2.tensor)
        let delta = scaled(add(mixed.reshaped(base.shape), matmul(b1.tensor, b2.tensor)), by: scale)
        return scalar.map { timesScalar(delta, $0.tensor) } ?? delta
    }

    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) -> GLoRAUpdate {
        let (rank, inputs, outputs) = (layer.dim, geometry.inputs, geometry.outputs)
        let ones = geometry.kind == .convolution ? [1, 1] : []
        let side = geometry.kernel
        let a1 = AdapterTensor("a1.weight", fileShape: [inputs, rank] + ones, shape: [inputs, rank])
        let a2 = AdapterTensor("a2.weight", fileShape: [rank, inputs] + ones, shape: [rank, inputs])
        let b1 = AdapterTensor("b1.weight", fileShape: [outputs, rank] + ones, shape: [outputs, rank])
        let b2 = AdapterTensor(
            "b2.weight", fileShape: ones.isEmpty ? [rank, inputs] : [rank, inputs, side, side],
            shape: [rank, geometry.columns], taps: geometry.taps, inputs: inputs)
        for tensor in [a1, b1] { tensor.fillKaiming(fan: rank, stream: layer.stream(tensor.suffix)) }
        let scalar = layer.makeScalar()
        if scalar != nil {
            a2.fillKaiming(fan: inputs, stream: layer.stream(a2.suffix))
            b2.fillKaiming(fan: geometry.columns, stream: layer.stream(b2.suffix))
        }
        return GLoRAUpdate(
            a1: a1, a2: a2, b1: b1, b2: b2, scalar: scalar, alpha: layer.savedAlpha, scale: layer.scale)
    }

    /// Reads the layout since lycoris-lora 3.0, and the older one with the roles swapped, told by a1's shape.
    ///
    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> GLoRAUpdate {
        var values: [String: (shape: [Int], floats: [Float])] = [:]
        for name in ["a1", "a2", "b1", "b2"] { values[name] = try keys.take(name + ".weight") }
        let first = values["a1"]?.shape ?? []
        let isOld = first.first != geometry.inputs && first.count > 1 && first[1] == geometry.inputs
        let rank = (isOld ? first.first : first.dropFirst().first) ?? 0
        func tensor(_ name: String, _ wanted: [Int], taps: Int = 1) throws -> AdapterTensor {
            let (shape, floats) = values[name] ?? ([], [])
            let inFile = taps > 1 ? [wanted[0], geometry.inputs, geometry.kernel, geometry.kernel] : wanted
            try keys.require(name + ".weight", shape, sameAs: inFile)
            return AdapterTensor(
                name + ".weight", fileShape: shape, shape: wanted, taps: taps, inputs: geometry.inputs,
                fileValues: floats)
        }
        let alpha = keys.takeAlpha()
        return GLoRAUpdate(
            a1: try tensor(isOld ? "a2" : "a1", [geometry.inputs, rank]),
            a2: try tensor(isOld ? "a1" : "a2", [rank, geometry.inputs]),
            b1: try tensor(isOld ? "b2" : "b1", [geometry.outputs, rank]),
            b2: try tensor(isOld ? "b1" : "b2", [rank, geometry.columns], taps: geometry.taps), alpha: alpha,
            scale: AlphaScale.scale(alpha: alpha, rank: rank))
    }
}
