package import CoreTensor

/// Native fine-tuning of a layer: its whole weight and bias are trained, as absolute values (so weight decay
/// pulls them to zero, not to the base), and saved as differences (`diff`, `diff_b`).
package final class FullUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package var alpha: Float? { nil }
    private let weight: AdapterTensor
    private let bias: AdapterTensor?
    /// What the differences are taken from, in memory layout.
    private let baseWeight: Tensor
    private let baseBias: Tensor?

    /// - Parameters:
    ///   - weight: absolute, `[outputs, columns]`.
    ///   - bias: absolute, `[outputs]`.
    init(weight: AdapterTensor, bias: AdapterTensor?, baseWeight: Tensor, baseBias: Tensor?) {
        self.weight = weight
        self.bias = bias
        self.baseWeight = baseWeight
        self.baseBias = baseBias
        self.tensors = [weight] + [bias].compactMap { $0 }
    }

    package func delta(base: Tensor) -> Tensor { subtract(weight.tensor, baseWeight) }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        strength == 1 ? weight.tensor : add(base, scaled(delta(base: base), by: strength))
    }

    package func bias(base: Tensor?, strength: Float) -> Tensor? {
        guard let bias, let baseBias else { return base }
        return strength == 1 ? bias.tensor : add(baseBias, scaled(subtract(bias.tensor, baseBias), by: strength))
    }

    package func fileTensors() -> [FileTensor] {
        zip(tensors, [baseWeight, baseBias]).map { tensor, base in
            let difference = withoutGradients { subtract(tensor.tensor, base ?? .zeros(tensor.tensor.shape)) }
            return FileTensor(
                suffix: tensor.suffix, shape: tensor.fileShape, floats: tensor.fileOrder(of: difference.values))
        }
    }
}

extension FullUpdate {
    static func create(_ geometry: LayerGeometry, weight: Tensor, bias: Tensor?) -> FullUpdate {
        make(geometry, weight: weight, bias: bias, shape: geometry.fileShape, difference: nil, biasDifference: nil)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(
        _ geometry: LayerGeometry, _ keys: LayerKeys, weight: Tensor, bias: Tensor?
    ) throws -> FullUpdate {
        let (shape, floats) = try keys.take("diff")
        try keys.require("diff", shape, sameAs: geometry.fileShape)
        let biasDifference = keys.takeIfPresent("diff_b")
        if let biasDifference {
            guard bias != nil else {
                throw AdapterError(.unplacedKey, "\(keys.key("diff_b")): the layer has no bias")
            }
            try keys.require("diff_b", biasDifference.shape, sameAs: [geometry.outputs])
        }
        return make(
            geometry, weight: weight, bias: biasDifference == nil ? nil : bias, shape: shape, difference: floats,
            biasDifference: biasDifference?.floats)
    }

    private static func make(
        _ geometry: LayerGeometry, weight: Tensor, bias: Tensor?, shape: [Int], difference: [Float]?,
        biasDifference: [Float]?
    ) -> FullUpdate {
        let absolute = AdapterTensor(
            "diff", fileShape: shape, shape: [geometry.outputs, geometry.columns], taps: geometry.taps,
            inputs: geometry.inputs, fileValues: difference)
        absolute.add(weight)
        let absoluteBias = bias.map { base in
            let tensor = AdapterTensor(
                "diff_b", fileShape: [geometry.outputs], shape: [geometry.outputs], fileValues: biasDifference)
            tensor.add(base)
            return tensor
        }
        return FullUpdate(
            weight: absolute, bias: absoluteBias,
            baseWeight: weight.detached().reshaped([geometry.outputs, geometry.columns]), baseBias: bias?.detached())
    }
}
