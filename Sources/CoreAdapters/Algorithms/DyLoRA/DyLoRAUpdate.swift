package import CoreTensor
import RunSpec
import Synchronization

/// DyLoRA: a LoRA whose ranks are trained in blocks, so that any number of leading blocks works alone. Every
/// step trains one block, drawn at random, on top of the blocks before it and without those after it.
///
/// While k ranks are active the scale is α / k, which meets the file's α / r with all of them (lycoris-lora
/// 4.1.3 trains with `block_size` times that and so writes files weaker than what it trained).
/// - SeeAlso: Valipour et al., arXiv:2210.07558.
package final class DyLoRAUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    package let alpha: Float?
    private let up: AdapterTensor
    private let down: AdapterTensor
    private let blockSize: Int
    /// The block in training; nil uses all ranks.
    private let block = Mutex<Int?>(nil)

    init(up: AdapterTensor, down: AdapterTensor, blockSize: Int, alpha: Float) {
        self.up = up
        self.down = down
        self.blockSize = blockSize
        self.alpha = alpha
        self.tensors = [down, up]
    }

    package func begin(step stream: RandomStream?) {
        var stream = stream
        let drawn = stream?.integer(below: up.tensor.shape[1] / blockSize)
        block.withLock { $0 = drawn }
    }

    package func factors() -> (up: Tensor, down: Tensor)? { pair }

    private var pair: (up: Tensor, down: Tensor) {
        let rank = up.tensor.shape[1]
        guard let block = block.withLock({ $0 }) else {
            return (scaled(up.tensor, by: (alpha ?? 0) / Float(rank)), down.tensor)
        }
        let (start, end) = (block * blockSize, (block + 1) * blockSize)
        var upper = slice(up.tensor, channels: start..<end)
        var lower = slice(down.tensor, batch: start..<end)
        if start > 0 {
            upper = concatenate(slice(up.tensor.detached(), channels: 0..<start), upper)
            lower = concatenateBatch([slice(down.tensor.detached(), batch: 0..<start), lower])
        }
        return (scaled(upper, by: (alpha ?? 0) / Float(end)), lower)
    }

    package var products: [[AdapterTensor]] { [[down, up]] }

    package func delta(base: Tensor) -> Tensor { matmul(pair.up, pair.down) }

    package func bypass(_ call: BypassCall) -> Tensor? { call.lowRank(up: pair.up, down: pair.down) }

    package func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        let (size, rank) = (Double(geometry.outputs * geometry.columns), up.tensor.shape[1])
        return .lowRank(
            rows: rows, rank: rank, geometry: geometry,
            forward: size * (Double(rank) / UpdateCost.efficiency(rank: rank) + 2 * UpdateCost.pass),
            backward: size * 2 * Double(rank) / UpdateCost.efficiency(rank: rank))
    }

    /// - Throws: `AdapterError.badOption` if the block size does not divide the rank.
    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) throws -> DyLoRAUpdate {
        let rank = layer.dim
        guard layer.options.blockSize > 0, rank % layer.options.blockSize == 0 else {
            throw AdapterError(
                .badOption, "\(layer.name): block_size \(layer.options.blockSize) does not divide dim \(rank)")
        }
        let (isConvolution, side) = (geometry.kind == .convolution, geometry.kernel)
        let upper = AdapterTensor(
            "lora_up.weight", fileShape: isConvolution ? [geometry.outputs, rank, 1, 1] : [geometry.outputs, rank],
            shape: [geometry.outputs, rank])
        let lower = AdapterTensor(
            "lora_down.weight",
            fileShape: isConvolution ? [rank, geometry.inputs, side, side] : [rank, geometry.inputs],
            shape: [rank, geometry.columns], taps: geometry.taps, inputs: geometry.inputs)
        lower.fillKaiming(fan: geometry.columns, stream: layer.stream(lower.suffix))
        return DyLoRAUpdate(up: upper, down: lower, blockSize: layer.options.blockSize, alpha: layer.effectiveAlpha)
    }
}
