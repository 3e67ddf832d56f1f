package import CoreTensor

/// LoHa: the entry-wise product of two low-rank products (`hada_w1_a`, `hada_w1_b`, `hada_w2_a`, `hada_w2_b`,
/// with Tucker `hada_t1`, `hada_t2`).
package final class LoHaUpdate: LayerUpdate {
    /// One of the two low-rank products.
    struct Half {
        /// `[out, r]`; `[r, out]` with a core.
        let a: AdapterTensor
        /// `[r, columns]`; `[r, in]` with a core.
        let b: AdapterTensor
        /// `[r, taps, r]`
        let core: AdapterTensor?

        /// `[out, r]` and `[r, columns]`.
        var factors: (up: Tensor, down: Tensor) {
            guard let core else { return (a.tensor, b.tensor) }
            return (permuted(a.tensor, [1, 0]), tuckerDown(core: core.tensor, down: b.tensor))
        }
    }

    package let tensors: [AdapterTensor]
    package let alpha: Float?
    package let scale: Float
    package let rank: Int
    private let first: Half
    private let second: Half
    /// The learnable factor of `use_scalar`; a file has it multiplied into `hada_w1_a`.
    private let scalar: AdapterTensor?

    init(first: Half, second: Half, scalar: AdapterTensor? = nil, alpha: Float?, scale: Float) {
        self.first = first
        self.second = second
        self.scalar = scalar
        self.alpha = alpha
        self.scale = scale
        self.rank = first.b.tensor.shape[0]
        self.tensors = [first.a, first.b, second.a, second.b] + [first.core, second.core, scalar].compactMap { $0 }
    }

    private var halves: (up1: Tensor, down1: Tensor, up2: Tensor, down2: Tensor) {
        var (up1, down1) = first.factors
        let (up2, down2) = second.factors
        if let scalar { up1 = timesScalar(up1, scalar.tensor) }
        return (up1, down1, up2, down2)
    }

    package var products: [[AdapterTensor]] {
        [[first.a, first.b, second.a, second.b] + [first.core, second.core].compactMap { $0 }]
    }

    package func delta(base: Tensor) -> Tensor {
        let (up1, down1, up2, down2) = halves
        return lohaWeight(base: nil, up1, down1, up2, down2, scale: scale)
    }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        let (up1, down1, up2, down2) = halves
        return lohaWeight(base: base, up1, down1, up2, down2, scale: scale * strength)
    }

    /// A LoRA of rank r²: the factors are row-wise Kronecker products.
    package func factors() -> (up: Tensor, down: Tensor)? { pair }

    private var pair: (up: Tensor, down: Tensor) {
        let (up1, down1, up2, down2) = halves
        return (pairedColumns(up1, up2, scale: scale), pairedRows(down1, down2))
    }

    package func bypass(_ call: BypassCall) -> Tensor? {
        let (upper, lower) = pair
        return call.lowRank(up: upper, down: lower)
    }

    package func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        let size = Double(geometry.outputs * geometry.columns)
        return .lowRank(
            rows: rows, rank: rank * rank, geometry: geometry,
            forward: size * (2 * Double(rank) / UpdateCost.efficiency(rank: rank) + 3 * UpdateCost.pass),
            backward: size * (4 * Double(rank) / UpdateCost.efficiency(rank: rank) + 4 * UpdateCost.pass))
    }

    package func fileTensors() -> [FileTensor] {
        tensors.filter { $0 !== scalar }.map { tensor in
            let factor = tensor === first.a ? scalar?.tensor.item() ?? 1 : 1
            return FileTensor(
                suffix: tensor.suffix, shape: tensor.fileShape,
                floats: factor == 1 ? tensor.fileValues : tensor.fileValues.map { $0 * factor })
        }
    }
}
