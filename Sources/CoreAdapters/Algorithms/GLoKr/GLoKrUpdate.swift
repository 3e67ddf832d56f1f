package import CoreTensor
import RunSpec

/// GLoKr: ΔW = W·A + B, where A mixes the input channels of the frozen weight and both A and B are Kronecker
/// products (`a.lokr_w1`, `a.lokr_w2`, … and `b.lokr_w1`, …, as LoKr has them).
///
/// No package has this algorithm: LyCORIS names it in its plans and in the paper's first version only. This
/// is GLoRA's form (W·a1·a2 + b1·b2) with each low-rank product replaced by LoKr's factors; the scale of each
/// part follows LoKr's rule.
/// - SeeAlso: Chavan et al., arXiv:2306.07967 (GLoRA); Yeh et al., arXiv:2309.14859 (LoKr).
package final class GLoKrUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let alpha: Float?
    /// `[in, in]`
    private let mixing: LoKrUpdate
    /// `[out, columns]`
    private let added: LoKrUpdate
    private let inputs: Int

    init(mixing: LoKrUpdate, added: LoKrUpdate, inputs: Int, alpha: Float?) {
        self.mixing = mixing
        self.added = added
        self.inputs = inputs
        self.alpha = alpha
        // Both parts carry the same scalar.
        tensors = mixing.tensors.filter { $0.suffix != "scalar" } + added.tensors
    }

    package func delta(base: Tensor) -> Tensor {
        let channels = base.reshaped([base.count / inputs, inputs])
        let mixed = matmul(channels, mixing.delta(base: .zeros([inputs, inputs]))).reshaped(base.shape)
        return add(mixed, added.delta(base: base))
    }

    package var products: [[AdapterTensor]] { mixing.products + added.products }

    package func fileTensors() -> [FileTensor] { mixing.fileTensors() + added.fileTensors() }

    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) -> GLoKrUpdate {
        var square = layer
        square.options.unbalancedFactorization = false
        let scalar = layer.makeScalar()
        return GLoKrUpdate(
            mixing: .create(Self.square(geometry), square, prefix: "a.", shared: scalar),
            added: .create(geometry, layer, prefix: "b.", shared: scalar), inputs: geometry.inputs,
            alpha: layer.savedAlpha)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> GLoKrUpdate {
        GLoKrUpdate(
            mixing: try .read(square(geometry), keys, prefix: "a."), added: try .read(geometry, keys, prefix: "b."),
            inputs: geometry.inputs, alpha: keys.takeAlpha())
    }

    private static func square(_ geometry: LayerGeometry) -> LayerGeometry {
        LayerGeometry(kind: .linear, outputs: geometry.inputs, inputs: geometry.inputs)
    }
}
