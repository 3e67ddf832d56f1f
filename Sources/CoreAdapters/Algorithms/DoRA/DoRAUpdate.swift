package import CoreTensor

/// DoRA around LoRA, LoHa or LoKr: directions from W + ΔW, magnitudes learned apart (`dora_scale`).
package final class DoRAUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    private let inner: any LayerUpdate
    private let magnitude: AdapterTensor
    private let onOutput: Bool
    private let inputs: Int
    package var alpha: Float? { inner.alpha }

    init(_ inner: any LayerUpdate, magnitude: AdapterTensor, onOutput: Bool, inputs: Int) {
        self.inner = inner
        self.magnitude = magnitude
        self.onOutput = onOutput
        self.inputs = inputs
        self.tensors = inner.tensors + [magnitude]
    }

    package var products: [[AdapterTensor]] { inner.products }

    /// Of the update inside: magnitudes are no part of it.
    package func limit(norm: Float, base: Tensor) -> Bool { inner.limit(norm: norm, base: base) }

    package func begin(step stream: RandomStream?) { inner.begin(step: stream) }

    package func delta(base: Tensor) -> Tensor { subtract(weight(base: base, strength: 1), base) }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        doraWeight(
            inner.weight(base: base, strength: 1), magnitude: magnitude.tensor, onOutput: onOutput, inputs: inputs,
            strength: strength)
    }

    package func fileTensors() -> [FileTensor] {
        inner.fileTensors() + [
            FileTensor(suffix: magnitude.suffix, shape: magnitude.fileShape, floats: magnitude.fileValues)
        ]
    }

    /// A new one, its magnitudes the norms of the frozen weight.
    ///
    /// - Parameter base: `[outputs, columns]`.
    static func create(
        _ inner: any LayerUpdate, _ geometry: LayerGeometry, base: Tensor, onOutput: Bool
    ) -> DoRAUpdate {
        let width = onOutput ? geometry.outputs : geometry.inputs
        var squares = [Double](repeating: 0, count: width)
        base.withBuffer { w in
            for i in w.indices {
                squares[onOutput ? i / geometry.columns : i % geometry.inputs] += Double(w[i]) * Double(w[i])
            }
        }
        let shape = onOutput ? [width, 1] : [1, width]
        let ones = geometry.kind == .convolution ? [1, 1] : []
        return DoRAUpdate(
            inner,
            magnitude: AdapterTensor(
                "dora_scale", fileShape: shape + ones, shape: [width],
                fileValues: squares.map { Float($0.squareRoot()) }),
            onOutput: onOutput, inputs: geometry.inputs)
    }

    /// The axis is the one whose size the file's shape shows: `[out, 1, …]` or `[1, in, …]`.
    ///
    /// - Throws: `AdapterError.wrongShape` for any other shape.
    static func read(_ inner: any LayerUpdate, _ geometry: LayerGeometry, _ keys: LayerKeys) throws -> DoRAUpdate {
        let (shape, values) = try keys.take("dora_scale")
        let onOutput = shape.first == geometry.outputs && values.count == geometry.outputs
        guard onOutput || (shape.count > 1 && shape[1] == geometry.inputs && values.count == geometry.inputs) else {
            throw AdapterError(
                .wrongShape,
                "\(keys.key("dora_scale")): found shape \(shape), wanted [\(geometry.outputs), 1] or [1, \(geometry.inputs)]"
            )
        }
        return DoRAUpdate(
            inner, magnitude: AdapterTensor("dora_scale", fileShape: shape, shape: [values.count], fileValues: values),
            onOutput: onOutput, inputs: geometry.inputs)
    }
}
