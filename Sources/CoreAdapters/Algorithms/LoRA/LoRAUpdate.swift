package import CoreTensor

/// LoRA, and LoCon for convolutions: `lora_down`, `lora_up`, with Tucker `lora_mid`.
package final class LoRAUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let alpha: Float?
    package let scale: Float
    package let rank: Int
    private let up: AdapterTensor
    private let down: AdapterTensor
    private let mid: AdapterTensor?
    /// The learnable factor of `use_scalar`; a file has it multiplied into `lora_up`.
    private let scalar: AdapterTensor?

    init(
        up: AdapterTensor, down: AdapterTensor, mid: AdapterTensor?, scalar: AdapterTensor? = nil, alpha: Float?,
        scale: Float
    ) {
        self.up = up
        self.down = down
        self.mid = mid
        self.scalar = scalar
        self.alpha = alpha
        self.scale = scale
        self.rank = up.tensor.shape[1]
        self.tensors = [down, up] + [mid, scalar].compactMap { $0 }
    }

    package func factors() -> (up: Tensor, down: Tensor)? { pair }

    package var hasRanks: Bool { true }

    private var pair: (up: Tensor, down: Tensor) {
        var upper = scale == 1 ? up.tensor : scaled(up.tensor, by: scale)
        if let scalar { upper = timesScalar(upper, scalar.tensor) }
        return (upper, mid.map { tuckerDown(core: $0.tensor, down: down.tensor) } ?? down.tensor)
    }

    package var products: [[AdapterTensor]] { [[down, up] + [mid].compactMap { $0 }] }

    package func delta(base: Tensor) -> Tensor { matmul(pair.up, pair.down) }

    package func bypass(_ call: BypassCall) -> Tensor? { call.lowRank(up: pair.up, down: pair.down) }

    package func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        let size = Double(geometry.outputs * geometry.columns)
        return .lowRank(
            rows: rows, rank: rank, geometry: geometry,
            forward: size * (Double(rank) / UpdateCost.efficiency(rank: rank) + 2 * UpdateCost.pass),
            backward: size * 2 * Double(rank) / UpdateCost.efficiency(rank: rank))
    }

    package func fileTensors() -> [FileTensor] {
        [down, up, mid].compactMap { $0 }.map { tensor in
            let factor = tensor === up ? scalar?.tensor.item() ?? 1 : 1
            return FileTensor(
                suffix: tensor.suffix, shape: tensor.fileShape,
                floats: factor == 1 ? tensor.fileValues : tensor.fileValues.map { $0 * factor })
        }
    }
}
