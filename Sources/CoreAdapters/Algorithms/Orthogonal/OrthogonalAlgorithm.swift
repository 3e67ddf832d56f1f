import CoreTensor
import RunSpec

/// Diag-OFT and BOFT: the weight's rows are rotated, in one stage of blocks or in a butterfly of stages.
struct OrthogonalAlgorithm: AdapterAlgorithm {
    let isButterfly: Bool
    let form = LayerForm(own: ["oft_blocks", "rescale"], needed: [[["oft_blocks"]]], mark: "oft_blocks")
    let needsBase = true

    var algorithm: Algorithm { isButterfly ? .boft : .diagOFT }

    func create(at site: LayerSite, _ layer: NewLayer) throws -> any LayerUpdate {
        try OrthogonalUpdate.create(site.geometry, layer, butterfly: isButterfly)
    }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try OrthogonalUpdate.read(site.geometry, keys)
    }

    /// A block's side.
    func rank(of layer: StoredLayer) -> Int? { layer.tensors["oft_blocks"]?.shape.last }

    func named(by tensors: [String: StoredTensor]) -> Algorithm {
        tensors["oft_blocks"]?.shape.count == 4 ? .boft : algorithm
    }

    func delta(of layer: StoredLayer, base: StoredTensor, strength: Double) throws -> DoubleMatrix {
        try rotated(base.matrix, by: layer, strength: strength) - base.matrix
    }

    private func rotated(_ weight: DoubleMatrix, by layer: StoredLayer, strength: Double) throws -> DoubleMatrix {
        let blocks = try layer.tensor("oft_blocks")
        let axes = blocks.shape
        let side = axes.last ?? 0
        let stages = axes.count == 4 ? axes[0] : 1
        guard axes.count >= 3, side > 0, axes[axes.count - 2] == side, axes[axes.count - 3] * side == weight.rows else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("oft_blocks")): found shape \(axes), wanted [n, b, b] or [stages, n, b, b] with n·b = \(weight.rows)"
            )
        }
        let count = weight.rows / side
        let rotations = rotationMatrices(blocks.values, side: side, bound: (layer.alpha ?? 0) * Double(weight.rows))
        var result = weight
        for stage in 0..<stages {
            let places =
                stages == 1 && axes.count == 3
                ? nil : OrthogonalUpdate.order(rows: weight.rows, side: side, stage: stage)
            let source = result
            for block in 0..<count {
                let rotation = rotations[stage * count + block]
                for i in 0..<side {
                    let row = places?[block * side + i] ?? block * side + i
                    for column in 0..<weight.columns { result[row, column] = 0 }
                    for k in 0..<side {
                        // Diag-OFT multiplies by the transpose, a butterfly does not.
                        let entry = places == nil ? rotation[k, i] : rotation[i, k]
                        let factor = strength * entry + (i == k ? 1 - strength : 0)
                        let from = places?[block * side + k] ?? block * side + k
                        for column in 0..<weight.columns { result[row, column] += factor * source[from, column] }
                    }
                }
            }
        }
        if let rescale = layer.tensors["rescale"] {
            guard rescale.values.count == weight.rows else {
                throw AdapterError(
                    .wrongShape, "\(layer.key("rescale")): found shape \(rescale.shape), wanted \(weight.rows) values")
            }
            for i in 0..<weight.rows { for j in 0..<weight.columns { result[i, j] *= rescale.values[i] } }
        }
        return result
    }

    /// (I + Q)(I − Q)⁻¹ of every block, Q bounded over all of them together.
    private func rotationMatrices(_ values: [Double], side: Int, bound: Double) -> [DoubleMatrix] {
        let size = side * side
        var skew = values.indices.map { i in
            let (start, place) = (i / size * size, i % size)
            return values[i] - values[start + place % side * side + place / side]
        }
        let norm = skew.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-8
        if bound > 0, norm > bound { skew = skew.map { $0 * bound / norm } }
        return stride(from: 0, to: skew.count, by: size).map { start in
            let q = Array(skew[start..<start + size])
            let inverse = SmallMatrix.inverseOfIdentityMinus(q, side)
            return DoubleMatrix(
                SmallMatrix.product(SmallMatrix.identityPlus(q, side), inverse, side), rows: side, columns: side)
        }
    }
}
