package import CoreTensor

/// Any algorithm's update together with a change of the layer's bias: a difference (`diff_b`, which extracted
/// adapters carry) or the upper factor's own bias (`lora_up.bias`, PEFT's `lora_B.bias`), which is scaled
/// like the update.
package final class BiasUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let inner: any LayerUpdate
    private let parts: [(tensor: AdapterTensor, scale: Float)]

    init(_ inner: any LayerUpdate, parts: [(tensor: AdapterTensor, scale: Float)]) {
        self.inner = inner
        self.parts = parts
        tensors = inner.tensors + parts.map(\.tensor)
    }

    package var alpha: Float? { inner.alpha }
    package var products: [[AdapterTensor]] { inner.products }

    package func limit(norm: Float, base: Tensor) -> Bool { inner.limit(norm: norm, base: base) }

    package func begin(step stream: RandomStream?) { inner.begin(step: stream) }
    package func delta(base: Tensor) -> Tensor { inner.delta(base: base) }
    package func weight(base: Tensor, strength: Float) -> Tensor { inner.weight(base: base, strength: strength) }

    package func bias(base: Tensor?, strength: Float) -> Tensor? {
        parts.reduce(inner.bias(base: base, strength: strength)) { bias, part in
            let factor = strength * part.scale
            let change = factor == 1 ? part.tensor.tensor : scaled(part.tensor.tensor, by: factor)
            return bias.map { add($0, change) } ?? change
        }
    }

    package func fileTensors() -> [FileTensor] {
        inner.fileTensors()
            + parts.map {
                FileTensor(suffix: $0.tensor.suffix, shape: $0.tensor.fileShape, floats: $0.tensor.fileValues)
            }
    }

    /// - Throws: `AdapterError` for a difference of a bias that the layer does not have, or a wrong shape.
    static func read(_ inner: any LayerUpdate, _ geometry: LayerGeometry, _ keys: LayerKeys) throws -> BiasUpdate {
        var parts: [(tensor: AdapterTensor, scale: Float)] = []
        for (suffix, scale) in [("diff_b", 1), ("lora_up.bias", keys.scale)] {
            guard let (shape, values) = keys.takeIfPresent(suffix) else { continue }
            guard geometry.hasBias || suffix != "diff_b" else {
                throw AdapterError(.unplacedKey, "\(keys.key(suffix)): the layer has no bias")
            }
            try keys.require(suffix, shape, sameAs: [geometry.outputs])
            parts.append(
                (AdapterTensor(suffix, fileShape: shape, shape: [geometry.outputs], fileValues: values), scale))
        }
        return BiasUpdate(inner, parts: parts)
    }
}
