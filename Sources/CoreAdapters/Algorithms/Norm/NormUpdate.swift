import CoreTensor

/// Training of a normalisation layer's scale and shift as differences (`w_norm`, `b_norm`).
package final class NormUpdate {
    package let tensors: [AdapterTensor]
    private let scale: AdapterTensor
    private let shift: AdapterTensor?

    init(scale: AdapterTensor, shift: AdapterTensor?) {
        self.scale = scale
        self.shift = shift
        self.tensors = [scale] + [shift].compactMap { $0 }
    }

    /// - Parameter mask: factor of each channel; nil for 1.
    func affine(
        weight: Tensor, bias: Tensor, strength: Float, mask: [Float]?
    ) -> (weight: Tensor, bias: Tensor) {
        func shifted(_ base: Tensor, _ tensor: AdapterTensor?) -> Tensor {
            guard let tensor else { return base }
            var change = tensor.tensor
            if let mask { change = multiply(change, Tensor(mask, [mask.count])) }
            return CoreTensor.add(base, strength == 1 ? change : scaled(change, by: strength))
        }
        return (shifted(weight, scale), shifted(bias, shift))
    }

    static func create(_ geometry: LayerGeometry) -> NormUpdate {
        let shape = [geometry.outputs]
        return NormUpdate(
            scale: AdapterTensor("w_norm", fileShape: shape, shape: shape),
            shift: AdapterTensor("b_norm", fileShape: shape, shape: shape))
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> NormUpdate {
        func tensor(_ suffix: String, _ value: (shape: [Int], floats: [Float])) throws -> AdapterTensor {
            try keys.require(suffix, value.shape, sameAs: [geometry.outputs])
            return AdapterTensor(suffix, fileShape: value.shape, shape: [geometry.outputs], fileValues: value.floats)
        }
        let scale = try tensor("w_norm", try keys.take("w_norm"))
        return NormUpdate(scale: scale, shift: try keys.takeIfPresent("b_norm").map { try tensor("b_norm", $0) })
    }
}
