package import CoreTensor
import RunSpec

/// Diag-OFT and BOFT: the frozen weight's rows are rotated, in one stage of blocks or in a butterfly of
/// stages (`oft_blocks` with 3 or 4 axes, `rescale`; `alpha` holds the bound by outputs).
///
/// - SeeAlso: Qiu et al., arXiv:2306.07280; Liu et al., arXiv:2311.06243.
package final class OrthogonalUpdate: LayerUpdate {
    package let tensors: [AdapterTensor]
    /// The bound by outputs, in the place where other algorithms have alpha.
    package let alpha: Float?
    /// `[stages · n, b, b]`
    private let blocks: AdapterTensor
    private let stages: Int
    private let isButterfly: Bool
    /// `[outputs]`
    private let rescale: AdapterTensor?
    private let bound: Float

    init(blocks: AdapterTensor, rescale: AdapterTensor?, constraint: Float?, outputs: Int) {
        self.blocks = blocks
        self.rescale = rescale
        self.alpha = constraint
        self.isButterfly = blocks.fileShape.count == 4
        self.stages = isButterfly ? blocks.fileShape[0] : 1
        self.bound = (constraint ?? 0) * Float(outputs)
        self.tensors = [blocks] + [rescale].compactMap { $0 }
    }

    package func delta(base: Tensor) -> Tensor { subtract(weight(base: base, strength: 1), base) }

    package func weight(base: Tensor, strength: Float) -> Tensor {
        let side = blocks.tensor.shape[2]
        var rotations = cayley(blocks.tensor, bound: bound)
        if strength != 1 {
            // A share of the rotation is a mix with the identity, stage by stage.
            let identity = (0..<rotations.count).map { i -> Float in
                let place = i % (side * side)
                return place / side == place % side ? 1 - strength : 0
            }
            rotations = add(scaled(rotations, by: strength), Tensor(identity, rotations.shape))
        }
        let perStage = rotations.shape[0] / stages
        var result = base
        for stage in 0..<stages {
            let part = stages == 1 ? rotations : slice(rotations, batch: stage * perStage..<(stage + 1) * perStage)
            let order = isButterfly ? Self.order(rows: base.shape[0], side: side, stage: stage) : nil
            result = rotateRows(result, by: part, transposed: !isButterfly, order: order)
        }
        guard let rescale else { return result }
        return permuted(scaleChannels(permuted(result, [1, 0]), rescale.tensor), [1, 0])
    }

    /// Rows in the order of a butterfly stage's blocks: pairs from the two halves of every span of 2ˢᵗᵃᵍᵉ ·
    /// side rows.
    static func order(rows: Int, side: Int, stage: Int) -> [Int] {
        let half = (1 << stage) * side / 2
        return (0..<rows).map { place in
            let (span, within) = (place / (2 * half), place % (2 * half))
            return span * 2 * half + (within % 2) * half + within / 2
        }
    }

    /// - Throws: `AdapterError.badOption` if no butterfly fits the layer.
    static func create(_ geometry: LayerGeometry, _ layer: NewLayer, butterfly: Bool) throws -> OrthogonalUpdate {
        let outputs = geometry.outputs
        let shape: [Int]
        if butterfly {
            guard let (side, count) = butterflyFactors(outputs, factor: layer.dim) else {
                throw AdapterError(
                    .badOption,
                    "\(layer.name): dim \(layer.dim) gives no even block size that splits \(outputs) rows into a power of two"
                )
            }
            shape = [count.trailingZeroBitCount + 1, count, side, side]
        } else {
            let (side, count) = factorization(outputs, factor: layer.dim)
            shape = [count, side, side]
        }
        let ones = geometry.kind == .convolution ? [1, 1, 1] : [1]
        let rescale =
            layer.options.rescaled
            ? AdapterTensor(
                "rescale", fileShape: [outputs] + ones, shape: [outputs],
                fileValues: Array(repeating: 1, count: outputs))
            : nil
        return OrthogonalUpdate(
            blocks: makeBlocks(shape, nil), rescale: rescale, constraint: Float(layer.options.constraint),
            outputs: outputs)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> OrthogonalUpdate {
        let (shape, values) = try keys.take("oft_blocks")
        let counts = shape.suffix(3)
        guard shape.count == 3 || shape.count == 4, shape[shape.count - 1] == shape[shape.count - 2],
            counts.first.map({ $0 * shape[shape.count - 1] }) == geometry.outputs, shape[0] > 0,
            shape.count == 3 || shape[0] <= shape[1].trailingZeroBitCount + 1
        else {
            throw AdapterError(
                .wrongShape,
                "\(keys.key("oft_blocks")): found shape \(shape), wanted [n, b, b] or [stages, n, b, b] with n·b = \(geometry.outputs)"
            )
        }
        let rescale = try keys.takeIfPresent("rescale").map { shape, values in
            try keys.require(
                "rescale", shape,
                sameAs: geometry.kind == .convolution ? [geometry.outputs, 1, 1, 1] : [geometry.outputs, 1])
            return AdapterTensor("rescale", fileShape: shape, shape: [geometry.outputs], fileValues: values)
        }
        return OrthogonalUpdate(
            blocks: makeBlocks(shape, values), rescale: rescale, constraint: keys.takeAlpha(),
            outputs: geometry.outputs)
    }

    private static func makeBlocks(_ shape: [Int], _ values: [Float]?) -> AdapterTensor {
        let side = shape[shape.count - 1]
        return AdapterTensor(
            "oft_blocks", fileShape: shape, shape: [shape.dropLast(2).reduce(1, *), side, side], fileValues: values)
    }
}

/// Splits rows for BOFT: an even block size up to `factor` (-1: any), times a power of two.
///
/// - Returns: nil if there is none.
package func butterflyFactors(_ dimension: Int, factor: Int) -> (side: Int, count: Int)? {
    let largest = factor == -1 ? dimension : min(factor, dimension)
    for side in stride(from: largest - largest % 2, through: 2, by: -2) where dimension % side == 0 {
        let count = dimension / side
        if count & (count - 1) == 0 { return (side, count) }
    }
    return nil
}
