package import CoreTensor
import RunSpec

/// (IA)³: one learned factor for each output row, or each input channel, of the weight: ΔW = W ⊙ w (`weight`,
/// `on_input`).
///
/// - SeeAlso: Liu et al., arXiv:2205.05638.
package final class IA3Update: LayerUpdate {
    package let tensors: [AdapterTensor]
    package var alpha: Float? { nil }
    private let factor: AdapterTensor
    private let onInput: Bool
    private let inputs: Int

    init(factor: AdapterTensor, onInput: Bool, inputs: Int) {
        self.factor = factor
        self.onInput = onInput
        self.inputs = inputs
        self.tensors = [factor]
    }

    package func delta(base: Tensor) -> Tensor {
        if onInput {
            // Channels are fastest in memory, so every run of `inputs` columns sees the same factors.
            return scaleChannels(base.reshaped([base.count / inputs, inputs]), factor.tensor).reshaped(base.shape)
        }
        let turned = permuted(base, [1, 0])
        return permuted(scaleChannels(turned, factor.tensor), [1, 0])
    }

    package func fileTensors() -> [FileTensor] {
        [
            FileTensor(suffix: factor.suffix, shape: factor.fileShape, floats: factor.fileValues),
            FileTensor(suffix: "on_input", shape: [], floats: [onInput ? 1 : 0]),
        ]
    }

    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) -> IA3Update {
        let width = layer.options.trainOnInput ? geometry.inputs : geometry.outputs
        return IA3Update(
            factor: AdapterTensor(
                "weight", fileShape: geometry.kind == .convolution ? [1, width, 1, 1] : [width], shape: [width]),
            onInput: layer.options.trainOnInput, inputs: geometry.inputs)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> IA3Update {
        let flag = try keys.take("on_input").floats
        let onInput = flag.contains { $0 != 0 }
        let width = onInput ? geometry.inputs : geometry.outputs
        let (shape, values) = try keys.take("weight")
        guard values.count == width else {
            throw AdapterError(.wrongShape, "\(keys.key("weight")): found shape \(shape), wanted \(width) values")
        }
        return IA3Update(
            factor: AdapterTensor("weight", fileShape: shape, shape: [width], fileValues: values), onInput: onInput,
            inputs: geometry.inputs)
    }
}
