package import CoreTensor

/// LoKr: a Kronecker product; each factor is a matrix (`lokr_w1`, `lokr_w2`) or a low-rank product
/// (`lokr_w1_a` · `lokr_w1_b`, `lokr_w2_a` · `lokr_w2_b`, with Tucker `lokr_t2`).
package final class LoKrUpdate: LayerUpdate {
    /// One factor of the Kronecker product.
    enum Factor {
        /// `[rows, columns]`
        case full(AdapterTensor)
        /// `[rows, r]` · `[r, columns]`
        case lowRank(AdapterTensor, AdapterTensor)
        /// `[r, rows]`, `[r, in]` and the core `[r, taps, r]`
        case tucker(AdapterTensor, AdapterTensor, core: AdapterTensor)

        var tensors: [AdapterTensor] {
            switch self {
            case .full(let w): [w]
            case .lowRank(let a, let b): [a, b]
            case .tucker(let a, let b, let core): [a, b, core]
            }
        }

        var isFull: Bool { if case .full = self { true } else { false } }

        /// `[rows, columns]`
        var matrix: Tensor {
            switch self {
            case .full(let w): w.tensor
            case .lowRank(let a, let b): matmul(a.tensor, b.tensor)
            case .tucker(let a, let b, let core):
                matmul(a.tensor, tuckerDown(core: core.tensor, down: b.tensor), transposeA: true)
            }
        }
    }

    package let tensors: [AdapterTensor]
    package let alpha: Float?
    package let scale: Float
    /// w1, `[L, M]`.
    private let small: Factor
    /// w2, `[K₂, taps · N₂]`.
    private let large: Factor
    /// The learnable factor of `use_scalar`; a file has it multiplied into w1.
    private let scalar: AdapterTensor?
    private let taps: Int

    init(
        small: Factor, large: Factor, taps: Int, scalar: AdapterTensor? = nil, alpha: Float?, scale: Float
    ) {
        self.small = small
        self.large = large
        self.taps = taps
        self.scalar = scalar
        self.alpha = alpha
        self.scale = scale
        self.tensors = small.tensors + large.tensors + [scalar].compactMap { $0 }
    }

    private var smallMatrix: Tensor { scalar.map { timesScalar(small.matrix, $0.tensor) } ?? small.matrix }

    package var products: [[AdapterTensor]] { [small.tensors + large.tensors] }

    package func delta(base: Tensor) -> Tensor {
        lokrWeight(base: nil, small: smallMatrix, large: large.matrix, taps: taps, scale: scale)
    }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        lokrWeight(base: base, small: smallMatrix, large: large.matrix, taps: taps, scale: scale * strength)
    }

    /// Two small products in place of one with w1 ⊗ w2. Row masks cut across w2, so they need the rebuilt
    /// form.
    package func bypass(_ call: BypassCall) -> Tensor? {
        guard call.rowScale == nil else { return nil }
        let w1 = scale == 1 ? smallMatrix : scaled(smallMatrix, by: scale)
        let (w2, geometry) = (large.matrix, call.geometry)
        let (outer, groups) = (w1.shape[0], w1.shape[1])
        let (block, width) = (w2.shape[0], w2.shape[1] / taps)
        if taps == 1, call.stride == 1 {
            let positions = call.x.count / geometry.inputs
            let mixed = mixGroups(call.x, w1, width: width).reshaped([positions * outer, width])
            let base = call.y.reshaped([positions * outer, block])
            return linear(mixed, weight: w2, adding: base).reshaped(call.y.shape)
        }
        // [N, H, W, M, N₂] → [M·N, H, W, N₂]: every group is an image of its own for w2.
        let size = call.x.shape
        let split = permuted(call.x.reshaped([size[0], size[1], size[2], groups, width]), [3, 0, 1, 2, 4])
        let images = split.reshaped([groups * size[0], size[1], size[2], width])
        let filtered = call.apply(w2, to: images)  // [M·N, H', W', K₂]
        let (height, across) = (filtered.shape[1], filtered.shape[2])
        let together = permuted(filtered.reshaped([groups, size[0], height, across, block]), [1, 2, 3, 0, 4])
        let mixed = mixGroups(together.reshaped([size[0] * height * across, groups * block]), w1, width: block)
        return add(call.y, mixed.reshaped(call.y.shape))
    }

    /// dL/dw2 = gᵀ (w1 x) and dL/dw1 = ⟨g, x w2ᵀ⟩ per position, each an eighth of the whole weight's gradient
    /// for eight groups; convolutions would have to move their groups to images of their own first.
    package func mergedGradient(stride: Int) -> ((BypassCall) -> Tensor)? {
        guard taps == 1, stride == 1 else { return nil }
        let (small, large, scale) = (smallMatrix, large.matrix, scale)
        return { call in
            let (x, w1, w2) = (call.x.kept(), small.detached(), large.detached())
            let (outer, groups, block, width) = (w1.shape[0], w1.shape[1], w2.shape[0], w2.shape[1])
            let positions = call.x.count / (groups * width)
            return Tensor.custom(call.y.detached(), inputs: [call.y, small, large]) { gradient in
                withoutGradients {
                    let x = x()
                    let mixed = Tensor(uninitialized: [positions * outer, width])
                    KroneckerLoops.mix(x, w1, transposed: false, width: width, into: mixed)
                    let onLarge = matmul(
                        gradient.reshaped([positions * outer, block]), mixed, transposeA: true)
                    let through = matmul(x.reshaped([positions * groups, width]), w2, transposeB: true)
                    let onSmall = KroneckerLoops.products(
                        gradient, through, outer: outer, groups: groups, width: block)
                    return [gradient, scaled(onSmall, by: scale), scaled(onLarge, by: scale)]
                }
            }
        }
    }

    package func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        let (outer, groups) = (Double(smallShape.rows), Double(smallShape.columns))
        let (positions, columns, outputs) = (Double(rows), geometry.workColumns, Double(geometry.outputs))
        let inner = Double(geometry.inputs) / groups
        // Mixing runs at a few multiply-adds a cycle; a narrow w2 starves the matrix product.
        let mixing = 6 * positions * outer * Double(geometry.inputs)
        let product =
            positions * columns / groups * outputs
            / UpdateCost.efficiency(rank: min(Int(inner), geometry.outputs / smallShape.rows))
        let passes = geometry.taps > 1 ? 8.0 : 3.0
        let traffic = UpdateCost.pass * positions * passes * (Double(geometry.inputs) + outputs)
        // A product and a mixing for each factor.
        let merged =
            2 * product + 2 * positions * outer * (Double(geometry.inputs) + outputs)
            + UpdateCost.pass * (2 * positions * (Double(geometry.inputs) + outputs) + 2 * outputs * columns)
        return UpdateCost(
            bypass: 3 * (mixing + product) + traffic, merged: taps == 1 ? merged : .infinity,
            rebuild: positions * columns * outputs
                / UpdateCost.efficiency(rank: min(geometry.outputs, geometry.columns))
                + outputs * Double(geometry.columns) * (3 * UpdateCost.pass))
    }

    private var smallShape: (rows: Int, columns: Int) {
        switch small {
        case .full(let w): (w.tensor.shape[0], w.tensor.shape[1])
        case .lowRank(let a, let b), .tucker(let a, let b, _): (a.tensor.shape[0], b.tensor.shape[1])
        }
    }

    package func fileTensors() -> [FileTensor] {
        let folded = small.tensors[0]
        return tensors.filter { $0 !== scalar }.map { tensor in
            let factor = tensor === folded ? scalar?.tensor.item() ?? 1 : 1
            return FileTensor(
                suffix: tensor.suffix, shape: tensor.fileShape,
                floats: factor == 1 ? tensor.fileValues : tensor.fileValues.map { $0 * factor })
        }
    }
}
