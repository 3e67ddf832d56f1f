import CoreTensor
import RunSpec

/// Changes the ranks of a LoRA, LoHa or LoKr file, keeping ΔW as near as it can be (`radiata adapter resize`).
///
/// Layers that have the wanted rank already, and those without one, stay as they are, bit for bit.
package struct AdapterResize {
    package var path: String
    package var out: String
    package var rule: RankRule
    /// Of k×k convolutions; nil: `rule`.
    package var convRule: RankRule?
    package var type: AdapterFileType

    package init(path: String, out: String, rule: RankRule, convRule: RankRule? = nil, type: AdapterFileType = .f16) {
        self.path = path
        self.out = out
        self.rule = rule
        self.convRule = convRule
        self.type = type
    }

    package struct Report: Codable, Equatable, Sendable {
        package struct Layer: Codable, Equatable, Sendable {
            package let name: String
            package let from: Int?
            package let to: Int?
            /// ‖ΔW' − ΔW‖ / ‖ΔW‖, before DoRA's magnitudes
            package let error: Double
            /// 1 − error²: the share of the squared norm that is left.
            package let kept: Double
        }
        package let layers: [Layer]
        /// What was assumed about the file.
        package let warnings: [String]
    }

    package func run() throws -> Report { try naming(path) { try rewrite() } }

    private func rewrite() throws -> Report {
        var adapter = try StoredAdapter(path: path)
        let results = try inParallel(adapter.layers.count) { index in try resized(adapter.layers[index]) }
        let rows = try inParallel(results.count) { index in
            let (old, new) = (adapter.layers[index], results[index])
            let error = try error(of: new, for: old)
            return Report.Layer(
                name: old.name, from: old.rank, to: new.rank, error: error, kept: 1 - error * error)
        }
        adapter.layers = results
        let ranks = Set(results.compactMap(\.rank))
        adapter.metadata["ss_network_dim"] = ranks.count == 1 ? "\(ranks.first ?? 1)" : "Dynamic"
        if ranks.count > 1 { adapter.metadata["ss_network_alpha"] = "Dynamic" }
        try adapter.save(to: out, type: type.stored)
        return Report(layers: rows, warnings: adapter.warnings)
    }

    /// ‖new − old‖ / ‖old‖ of ΔW before DoRA's magnitudes and without a difference that stands beside it.
    private func error(of new: StoredLayer, for old: StoredLayer) throws -> Double {
        // Only what was decomposed can differ.
        guard old.tensors != new.tensors || old.alpha != new.alpha else { return 0 }
        let (found, wanted) = (try new.ownFactors(), try old.ownFactors())
        let norm = wanted.norm
        return norm == 0 ? 0 : found.distance(to: wanted) / norm
    }

    /// Written out, for fits that go through every entry.
    private func plain(_ layer: StoredLayer) throws -> DoubleMatrix {
        let factors = try layer.ownFactors()
        try layer.requireModest(factors, limit: Self.mostNumbers)
        return factors.dense
    }

    /// Entries of a layer's ΔW that a fit may go through: half a gigabyte.
    private static let mostNumbers = 1 << 26

    private func resized(_ layer: StoredLayer) throws -> StoredLayer {
        switch layer.algorithm {
        case .lora, .locon, .dylora: return try lora(layer)
        case .loha:
            let isTucker = layer.tensors["hada_t1"] != nil
            return try keeping(layer, rule(isWide: isTucker), upTo: layer.rank ?? 1) { try loha(layer, $0) }
        case .lokr:
            let isTucker = layer.tensors["lokr_t2"] != nil
            let rule = rule(isWide: isTucker || layer.tensors["lokr_w2"]?.shape.count == 4)
            // One decomposed matrix keeps what its singular values say.
            guard isTucker || layer.tensors["lokr_w1_a"] != nil else { return try lokr(layer, rule) }
            let whole = layer.tensors["lokr_w2"].map { min($0.matrix.rows, $0.matrix.columns) }
            return try keeping(layer, rule, upTo: max(layer.rank ?? 1, whole ?? 1)) { try lokr(layer, $0) }
        case .full, nil: return layer
        case .some(let other):
            throw AdapterError(
                .badOption, "\(layer.name): \(other.rawValue) has no rank to change; resize takes lora, loha and lokr")
        }
    }

    private func rule(isWide: Bool) -> RankRule { isWide ? convRule ?? rule : rule }

    /// The smallest rank that keeps a share of the squared norm, for forms whose factors' singular values do not tell it: each
    /// rank that is tried is made and measured. Other rules are applied as they are.
    private func keeping(
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
    private func alpha(_ layer: StoredLayer, rank: Int) -> Double { layer.scale * Double(rank) }

    private func lora(_ layer: StoredLayer) throws -> StoredLayer {
        let (up, down) = (try layer.tensor("lora_up.weight"), try layer.tensor("lora_down.weight"))
        let core = layer.tensors["lora_mid.weight"]
        let kernel =
            core.map { Array($0.shape.suffix(2)) } ?? (down.shape.count == 4 ? Array(down.shape.suffix(2)) : [])
        let rule = rule(isWide: kernel.reduce(1, *) > 1)
        if case .fixed(layer.rank) = rule { return layer }
        let taps = kernel.reduce(1, *)
        let lower =
            try core.map { core in
                // Checks the shapes.
                _ = try layer.ownFactors()
                return TuckerCore.lowered(core.matrix, inner: down.matrix, taps: taps)
            } ?? down.matrix
        guard lower.rows == up.matrix.columns else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("lora_up.weight")): found shape \(up.shape), wanted [\(up.matrix.rows), \(lower.rows)]")
        }
        guard let values = up.matrix.singularValues(ofProductWith: lower) else { throw notFinite(layer) }
        let (newUp, newDown) = fitted(values, rule, limit: layer.rank ?? 1)
        let inputs = down.shape.count > 1 ? down.shape[1] : 1
        var result = LayerForms.lora(
            layer.name, up: newUp, down: newDown, shape: [up.shape[0], inputs] + kernel,
            alpha: layer.alpha == nil ? nil : alpha(layer, rank: newUp.columns))
        if layer.alpha == nil { result.alpha = nil }
        for kept in ["dora_scale", "diff", "diff_b", "lora_up.bias"] { result.tensors[kept] = layer.tensors[kept] }
        return result
    }

    /// Both halves truncated: the product of two best approximations, then its factors improved in turn.
    private func loha(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let isTucker = layer.tensors["hada_t1"] != nil
        if case .fixed(layer.rank) = rule { return layer }
        if isTucker { return try lohaTucker(layer, rule) }
        let names = [("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")]
        let halves = try names.map { a, b in
            guard
                let values = try layer.tensor(a).matrix.singularValues(ofProductWith: try layer.tensor(b).matrix)
            else { throw notFinite(layer) }
            return values
        }
        // Both halves get one rank: what the file's format wants.
        let rank = halves.map { fittedRank($0.values, rule, limit: layer.rank ?? 1) }.max() ?? 1
        var result = layer
        var factors = halves.map { padded($0, rank: rank) }
        if rank < layer.rank ?? 1 {
            factors = HadamardFit.improved(factors, towards: try plain(layer).scaled(by: 1 / layer.scale))
        }
        for ((a, b), (up, down)) in zip(names, factors) {
            result.tensors[a] = StoredTensor(up, shape: [up.rows, rank])
            result.tensors[b] = StoredTensor(down, shape: [rank, down.columns])
        }
        result.alpha = layer.alpha.map { _ in alpha(layer, rank: rank) }
        return result
    }

    private func lohaTucker(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let limit = layer.rank ?? 1
        let names = [1, 2].map { (a: "hada_w\($0)_a", b: "hada_w\($0)_b", core: "hada_t\($0)") }
        let halves = try names.map { try tucker(layer, $0) }
        // The rank that one half needs decides for both.
        var rank = 1
        for half in halves {
            let tried = half.resized { values in
                rank = max(rank, wantedRank(values, rule, limit: limit))
                return rank
            }
            guard tried != nil else { throw notFinite(layer) }
        }
        var factors = try halves.map { half in
            guard let resized = half.resized({ _ in rank }) else { throw notFinite(layer) }
            return resized
        }
        if rank < limit {
            factors = HadamardFit.improved(factors, towards: try plain(layer).scaled(by: 1 / layer.scale))
        }
        var result = layer
        for (names, factor) in zip(names, factors) { store(factor, names, in: &result, like: layer) }
        result.alpha = layer.alpha.map { _ in alpha(layer, rank: rank) }
        return result
    }

    /// The larger factor's low-rank product, which a full matrix becomes where the rank is small enough; a smaller factor
    /// that is one too follows.
    private func lokr(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let isTucker = layer.tensors["lokr_t2"] != nil
        if case .fixed(layer.rank) = rule { return layer }
        var result = layer
        let rank = isTucker ? try lokrTucker(layer, rule, &result) : try lokrLarge(layer, rule, &result)
        try lokrSmall(layer, rank: rank, &result)
        if result.rank == nil {
            // Readers take 1 for the scale of two full matrices.
            if layer.rank != nil, let small = result.tensors["lokr_w1"] {
                result.tensors["lokr_w1"] = StoredTensor(small.matrix.scaled(by: layer.scale), shape: small.shape)
            }
        } else {
            result.alpha = layer.scale * Double(rank)
        }
        return result
    }

    /// - Returns: the new rank.
    private func lokrTucker(_ layer: StoredLayer, _ rule: RankRule, _ result: inout StoredLayer) throws -> Int {
        let names = (a: "lokr_w2_a", b: "lokr_w2_b", core: "lokr_t2")
        var rank = 1
        let fitted = try tucker(layer, names).resized { values in
            rank = wantedRank(values, rule, limit: layer.rank ?? 1)
            return rank
        }
        guard let fitted else { throw notFinite(layer) }
        store(fitted, names, in: &result, like: layer)
        return rank
    }

    /// - Returns: the new rank.
    private func lokrLarge(_ layer: StoredLayer, _ rule: RankRule, _ result: inout StoredLayer) throws -> Int {
        let whole = layer.tensors["lokr_w2"]
        let values: SingularValues?
        if let whole {
            values = whole.matrix.singularValues()
        } else {
            values = try layer.tensor("lokr_w2_a").matrix.singularValues(
                ofProductWith: try layer.tensor("lokr_w2_b").matrix)
        }
        guard let values else { throw notFinite(layer) }
        let limit = whole == nil ? layer.rank ?? values.values.count : values.values.count
        let rank = fittedRank(values.values, rule, limit: limit)
        let shape = try layer.tensor(whole == nil ? "lokr_w2_a" : "lokr_w2").shape
        // LoKr keeps full matrices where a low-rank product would not be smaller.
        if whole != nil, 2 * rank >= max(shape[0], shape[1]) { return rank }
        for name in ["lokr_w2", "lokr_w2_a", "lokr_w2_b"] { result.tensors[name] = nil }
        let (a, b) = padded(values, rank: rank)
        result.tensors["lokr_w2_a"] = StoredTensor(a, shape: [shape[0], rank])
        result.tensors["lokr_w2_b"] = StoredTensor(b, shape: [rank, b.columns])
        return rank
    }

    /// Both factors share one rank where both are low-rank products (`decompose_both`).
    private func lokrSmall(_ layer: StoredLayer, rank: Int, _ result: inout StoredLayer) throws {
        guard let a = layer.tensors["lokr_w1_a"] else { return }
        let b = try layer.tensor("lokr_w1_b")
        guard let values = a.matrix.singularValues(ofProductWith: b.matrix) else { throw notFinite(layer) }
        result.tensors["lokr_w1_a"] = nil
        result.tensors["lokr_w1_b"] = nil
        let (rows, columns) = (a.shape[0], b.matrix.columns)
        guard 2 * rank < max(rows, columns) else {
            result.tensors["lokr_w1"] = StoredTensor(a.matrix * b.matrix, shape: [rows, columns])
            return
        }
        let (up, down) = padded(values, rank: rank)
        result.tensors["lokr_w1_a"] = StoredTensor(up, shape: [rows, rank])
        result.tensors["lokr_w1_b"] = StoredTensor(down, shape: [rank, columns])
    }

    private typealias TuckerNames = (a: String, b: String, core: String)

    private func tucker(_ layer: StoredLayer, _ names: TuckerNames) throws -> TuckerProduct {
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

    private func store(
        _ product: TuckerProduct, _ names: TuckerNames, in result: inout StoredLayer, like layer: StoredLayer
    ) {
        let (rank, kernel) = (product.outer.rows, layer.tensors[names.core]?.shape.suffix(2) ?? [])
        result.tensors[names.a] = StoredTensor(product.outer, shape: [rank, product.outer.columns])
        result.tensors[names.b] = StoredTensor(product.inner, shape: [rank, product.inner.columns])
        result.tensors[names.core] = StoredTensor(product.core, shape: [rank, rank] + kernel)
    }

    private func notFinite(_ layer: StoredLayer) -> AdapterError {
        AdapterError(.wrongShape, "\(layer.name): its numbers cannot be decomposed")
    }

    /// A fixed rank may exceed the old one; every other rule chooses among the old ranks.
    private func fittedRank(_ values: [Double], _ rule: RankRule, limit: Int) -> Int {
        if case .fixed(let rank) = rule { return rank }
        return rule.rank(Array(values.prefix(limit)))
    }

    /// Of several unfoldings: what the most demanding one needs.
    private func wantedRank(_ values: [[Double]], _ rule: RankRule, limit: Int) -> Int {
        values.map { fittedRank($0, rule, limit: limit) }.max() ?? 1
    }

    private func fitted(_ values: SingularValues, _ rule: RankRule, limit: Int) -> (
        up: DoubleMatrix, down: DoubleMatrix
    ) {
        padded(values, rank: fittedRank(values.values, rule, limit: limit))
    }

    /// A product of exactly this rank's size, filled up with zeros.
    private func padded(_ values: SingularValues, rank: Int) -> (up: DoubleMatrix, down: DoubleMatrix) {
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
