package import CoreTensor

/// Any algorithm's update together with a difference of the whole weight (`diff` beside its tensors): both
/// are taken from the base and added.
package final class DifferenceUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    private let inner: any LayerUpdate
    private let difference: AdapterTensor

    init(_ inner: any LayerUpdate, difference: AdapterTensor) {
        self.inner = inner
        self.difference = difference
        tensors = inner.tensors + [difference]
    }

    package var alpha: Float? { inner.alpha }

    package func begin(step stream: RandomStream?) { inner.begin(step: stream) }
    package func delta(base: Tensor) -> Tensor { add(inner.delta(base: base), difference.tensor) }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        let changed = inner.weight(base: base, strength: strength)
        return add(changed, strength == 1 ? difference.tensor : scaled(difference.tensor, by: strength))
    }

    package func fileTensors() -> [FileTensor] {
        inner.fileTensors() + [
            FileTensor(suffix: difference.suffix, shape: difference.fileShape, floats: difference.fileValues)
        ]
    }

    /// - Throws: `AdapterError` for a wrong shape.
    static func read(_ inner: any LayerUpdate, _ geometry: LayerGeometry, _ keys: LayerKeys) throws -> DifferenceUpdate
    {
        let (shape, values) = try keys.take("diff")
        try keys.require("diff", shape, sameAs: geometry.fileShape)
        return DifferenceUpdate(
            inner,
            difference: AdapterTensor(
                "diff", fileShape: shape, shape: [geometry.outputs, geometry.columns], taps: geometry.taps,
                inputs: geometry.inputs, fileValues: values))
    }
}

/// No change of the weight: what a layer has whose bias alone changes.
package final class NoUpdate: LayerUpdate {
    package let tensors: [AdapterTensor] = []
    package var alpha: Float? { nil }

    package func delta(base: Tensor) -> Tensor { .zeros(base.shape) }
    package func weight(base: Tensor, strength: Float) -> Tensor { base }
}
