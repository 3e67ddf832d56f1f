import CoreTensor
import RunSpec

/// A LoRA that begins with orthonormal rows and columns, and with what these give taken off:
/// ΔW = α / r · (P diag(λ) Q − P₀ diag(λ₀) Q₀).
///
/// P₀, λ₀ and Q₀ are the last singular triplets of a random matrix of deviation 1 / r, and P, λ and Q begin
/// as they. A file has both products as one LoRA of twice the rank, which every reader knows.
/// - SeeAlso: Soboleva et al., arXiv:2507.05964, section 3.3.
final class OrthogonalStartUpdate: LayerUpdate {
    /// `q_layer.weight` `[r, columns]`, `p_layer.weight` `[outputs, r]`, `lambda_layer` `[r]`.
    let tensors: [AdapterTensor]
    let alpha: Float?
    private let scale: Float
    private let q: AdapterTensor
    private let p: AdapterTensor
    private let lambda: AdapterTensor
    /// −P₀ diag(λ₀) `[outputs, r]` and Q₀ `[r, columns]`.
    private let taken: (up: Tensor, down: Tensor)
    private let geometry: LayerGeometry

    init(_ geometry: LayerGeometry, _ layer: NewLayer) throws {
        let (rank, outputs, columns) = (layer.dim, geometry.outputs, geometry.columns)
        guard rank <= min(outputs, columns) else {
            throw AdapterError(
                .badOption,
                "\(layer.name): dim \(rank) with lora_start orthogonal, the layer has \(min(outputs, columns)) "
                    + "orthogonal directions")
        }
        var stream = layer.stream("start")
        let random = DoubleMatrix(
            (0..<outputs * columns).map { _ in Double(stream.normal()) / Double(rank) }, rows: outputs, columns: columns
        )
        guard let found = random.singularValues() else {
            throw AdapterError(.badOption, "\(layer.name): the random start cannot be decomposed")
        }
        let first = found.values.count - rank
        func tensor(_ suffix: String, _ shape: [Int], _ value: (Int) -> Double) -> AdapterTensor {
            let tensor = AdapterTensor(suffix, fileShape: shape, shape: shape)
            tensor.tensor.withMutableBuffer { values in
                for i in values.indices { values[i] = Float(value(i)) }
            }
            return tensor
        }
        q = tensor("q_layer.weight", [rank, columns]) { found.vt[first + $0 / columns, $0 % columns] }
        p = tensor("p_layer.weight", [outputs, rank]) { found.u[$0 / rank, first + $0 % rank] }
        lambda = tensor("lambda_layer", [rank]) { found.values[first + $0] }
        taken = withoutGradients { [p, q, lambda] in
            (
                CoreTensor.scaled(scaleChannels(p.tensor, lambda.tensor), by: -1).detached(),
                Tensor(q.tensor.values, q.tensor.shape)
            )
        }
        tensors = [q, p, lambda]
        scale = layer.scale
        alpha = 2 * layer.savedAlpha
        self.geometry = geometry
    }

    private var pair: (up: Tensor, down: Tensor) {
        let up = concatenate(scaleChannels(p.tensor, lambda.tensor), taken.up)
        return (scale == 1 ? up : CoreTensor.scaled(up, by: scale), concatenateBatch([q.tensor, taken.down]))
    }

    func factors() -> (up: Tensor, down: Tensor)? { pair }

    var hasRanks: Bool { true }

    func delta(base: Tensor) -> Tensor { matmul(pair.up, pair.down) }

    func bypass(_ call: BypassCall) -> Tensor? { call.lowRank(up: pair.up, down: pair.down) }

    func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        let (size, rank) = (Double(geometry.outputs * geometry.columns), 2 * q.tensor.shape[0])
        return .lowRank(
            rows: rows, rank: rank, geometry: geometry,
            forward: size * (Double(rank) / UpdateCost.efficiency(rank: rank) + 2 * UpdateCost.pass),
            backward: size * 2 * Double(rank) / UpdateCost.efficiency(rank: rank))
    }

    func fileTensors() -> [FileTensor] {
        let (up, down, rank) = withoutGradients {
            (
                concatenate(scaleChannels(p.tensor, lambda.tensor), taken.up).values,
                concatenateBatch([q.tensor, taken.down]).values, 2 * q.tensor.shape[0]
            )
        }
        let (isConvolution, side) = (geometry.kind == .convolution, geometry.kernel)
        return [
            FileTensor(
                suffix: "lora_down.weight",
                shape: isConvolution ? [rank, geometry.inputs, side, side] : [rank, geometry.inputs],
                floats: TapOrder.file(fromMemory: down, taps: geometry.taps, inputs: geometry.inputs)),
            FileTensor(
                suffix: "lora_up.weight",
                shape: isConvolution ? [geometry.outputs, rank, 1, 1] : [geometry.outputs, rank], floats: up),
        ]
    }
}
