import CoreTensor

/// What a resize asks of every layer, and the steps that algorithms share.
struct LayerResize {
    let rule: RankRule
    /// Of k×k convolutions; nil: `rule`.
    let convRule: RankRule?

    func rule(isWide: Bool) -> RankRule { isWide ? convRule ?? rule : rule }

    /// ‖new − old‖ / ‖old‖ of ΔW before DoRA's magnitudes and without a difference that stands beside it.
    static func error(of new: StoredLayer, for old: StoredLayer) throws -> Double {
        // Only what was decomposed can differ.
        guard old.tensors != new.tensors || old.alpha != new.alpha else { return 0 }
        let (found, wanted) = (try new.ownFactors(), try old.ownFactors())
        let norm = wanted.norm
        return norm == 0 ? 0 : found.distance(to: wanted) / norm
    }

    /// Written out, for fits that go through every entry.
    static func plain(_ layer: StoredLayer) throws -> DoubleMatrix {
        let factors = try layer.ownFactors()
        try layer.requireModest(factors, limit: mostNumbers)
        return factors.dense
    }

    /// Entries of a layer's ΔW that a fit may go through: half a gigabyte.
    private static let mostNumbers = 1 << 26

    /// The smallest rank that keeps a share of the squared norm, for forms whose factors' singular values do
    /// not tell it: each rank that is tried is made and measured. Other rules are applied as they are.
    static func keeping(
        _ layer: StoredLayer, _ rule: RankRule, upTo limit: Int, _ resized: (RankRule) throws -> StoredLayer
    ) throws -> StoredLayer {
        guard case .energy(let share) = rule else { return try resized(rule) }
        var (low, high, best) = (1, limit, layer)
        while low < high {
            let middle = (low + high) / 2
            let candidate = try resized(.fixed(middle))
            let error = try error(of: candidate, for: layer)
            if 1 - error * error >= share { (high, best) = (middle, candidate) } else { low = middle + 1 }
        }
        return best
    }

    /// α for a new rank, at the same scale.
    static func alpha(_ layer: StoredLayer, rank: Int) -> Double { layer.scale * Double(rank) }

    static func notDecomposed(_ layer: StoredLayer) -> AdapterError {
        AdapterError(.wrongShape, "\(layer.name): its numbers cannot be decomposed")
    }

    /// A fixed rank may exceed the old one; every other rule chooses among the old ranks.
    static func fittedRank(_ values: [Double], _ rule: RankRule, limit: Int) -> Int {
        if case .fixed(let rank) = rule { return rank }
        return rule.rank(Array(values.prefix(limit)))
    }

    /// Of several unfoldings: what the most demanding one needs.
    static func wantedRank(_ values: [[Double]], _ rule: RankRule, limit: Int) -> Int {
        values.map { fittedRank($0, rule, limit: limit) }.max() ?? 1
    }

    static func fitted(_ values: SingularValues, _ rule: RankRule, limit: Int) -> (
        up: DoubleMatrix, down: DoubleMatrix
    ) {
        padded(values, rank: fittedRank(values.values, rule, limit: limit))
    }

    /// A product of exactly this rank's size, filled up with zeros.
    static func padded(_ values: SingularValues, rank: Int) -> (up: DoubleMatrix, down: DoubleMatrix) {
        let kept = min(rank, values.values.count)
        let (up, down) = values.product(rank: kept)
        guard kept < rank else { return (up, down) }
        var wide = DoubleMatrix.zeros(up.rows, rank)
        for i in 0..<up.rows { for j in 0..<kept { wide[i, j] = up[i, j] } }
        return (
            wide,
            DoubleMatrix(
                down.values + [Double](repeating: 0, count: (rank - kept) * down.columns), rows: rank,
                columns: down.columns)
        )
    }
}

extension LayerResize {
    /// The keys of a Tucker product.
    typealias TuckerNames = (a: String, b: String, core: String)

    static func tucker(_ layer: StoredLayer, _ names: TuckerNames) throws -> TuckerProduct {
        let (a, b, core) = (try layer.tensor(names.a), try layer.tensor(names.b), try layer.tensor(names.core))
        let rank = b.shape.first ?? 0
        guard core.shape.count == 4, core.shape[0] == rank, core.shape[1] == rank, a.shape.first == rank, rank > 0
        else {
            throw AdapterError(
                .wrongShape, "\(layer.name).\(names.core): found shape \(core.shape), wanted [\(rank), \(rank), k, k]")
        }
        return TuckerProduct(
            outer: a.matrix, inner: b.matrix, core: core.matrix, taps: core.shape[2] * core.shape[3])
    }

    static func store(
        _ product: TuckerProduct, _ names: TuckerNames, in result: inout StoredLayer, like layer: StoredLayer
    ) {
        let (rank, kernel) = (product.outer.rows, layer.tensors[names.core]?.shape.suffix(2) ?? [])
        result.tensors[names.a] = StoredTensor(product.outer, shape: [rank, product.outer.columns])
        result.tensors[names.b] = StoredTensor(product.inner, shape: [rank, product.inner.columns])
        result.tensors[names.core] = StoredTensor(product.core, shape: [rank, rank] + kernel)
    }
}
