package import CoreTensor

/// Any algorithm's update together with a change of the layer's bias (`diff_b`), which extracted adapters carry.
package final class BiasUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let inner: any LayerUpdate
    private let difference: AdapterTensor

    init(_ inner: any LayerUpdate, difference: AdapterTensor) {
        self.inner = inner
        self.difference = difference
        tensors = inner.tensors + [difference]
    }

    package var alpha: Float? { inner.alpha }
    package var products: [[AdapterTensor]] { inner.products }

    package func limit(norm: Float, base: Tensor) -> Bool { inner.limit(norm: norm, base: base) }

    package func begin(step stream: RandomStream?) { inner.begin(step: stream) }
    package func delta(base: Tensor) -> Tensor { inner.delta(base: base) }
    package func weight(base: Tensor, strength: Float) -> Tensor { inner.weight(base: base, strength: strength) }

    package func bias(base: Tensor?, strength: Float) -> Tensor? {
        base.map { add($0, strength == 1 ? difference.tensor : scaled(difference.tensor, by: strength)) }
    }

    package func fileTensors() -> [FileTensor] {
        inner.fileTensors() + [
            FileTensor(suffix: difference.suffix, shape: difference.fileShape, floats: difference.fileValues)
        ]
    }

    /// - Throws: `AdapterError` for a layer without bias, or a wrong shape.
    static func read(_ inner: any LayerUpdate, _ geometry: LayerGeometry, _ keys: LayerKeys) throws -> BiasUpdate {
        let (shape, values) = try keys.take("diff_b")
        guard geometry.hasBias else {
            throw AdapterError(.unplacedKey, "\(keys.name).diff_b: the layer has no bias")
        }
        try keys.require("diff_b", shape, sameAs: [geometry.outputs])
        return BiasUpdate(
            inner,
            difference: AdapterTensor("diff_b", fileShape: shape, shape: [geometry.outputs], fileValues: values))
    }
}
