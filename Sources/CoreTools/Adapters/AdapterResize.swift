import CoreAdapters
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
            /// ‖ΔW' − ΔW‖ / ‖ΔW‖
            package let error: Double
        }
        package let layers: [Layer]
    }

    package func run() throws -> Report {
        var adapter = try StoredAdapter(path: path)
        let results = try inParallel(adapter.layers.count) { index in try resized(adapter.layers[index]) }
        let rows = try inParallel(results.count) { index in
            let (old, new) = (adapter.layers[index], results[index])
            // Only what was decomposed can differ.
            let same = old.tensors == new.tensors && old.alpha == new.alpha
            let error = same ? 0 : LayerForms.relativeError(try plain(new), try plain(old))
            return Report.Layer(name: old.name, from: old.rank, to: new.rank, error: error)
        }
        adapter.layers = results
        let ranks = Set(results.compactMap(\.rank))
        adapter.metadata["ss_network_dim"] = ranks.count == 1 ? "\(ranks.first ?? 1)" : "Dynamic"
        if ranks.count > 1 { adapter.metadata["ss_network_alpha"] = "Dynamic" }
        try adapter.save(to: out, type: type.stored)
        return Report(layers: rows)
    }

    /// ΔW before DoRA's magnitudes.
    private func plain(_ layer: StoredLayer) throws -> DoubleMatrix {
        var bare = layer
        bare.tensors["dora_scale"] = nil
        return try bare.delta(base: nil)
    }

    private func resized(_ layer: StoredLayer) throws -> StoredLayer {
        switch layer.algorithm {
        case .lora, .locon, .dylora: try lora(layer)
        case .loha: try loha(layer)
        case .lokr: try lokr(layer)
        case .full, nil: layer
        case .some(let other):
            throw AdapterError(
                .badOption, "\(layer.name): \(other.rawValue) has no rank to change; resize takes lora, loha and lokr")
        }
    }

    private func rule(isWide: Bool) -> RankRule { isWide ? convRule ?? rule : rule }

    /// α for a new rank, at the same scale.
    private func alpha(_ layer: StoredLayer, rank: Int) -> Double { layer.scale * Double(rank) }

    private func lora(_ layer: StoredLayer) throws -> StoredLayer {
        let (up, down) = (try layer.tensor("lora_up.weight"), try layer.tensor("lora_down.weight"))
        let core = layer.tensors["lora_mid.weight"]
        let kernel =
            core.map { Array($0.shape.suffix(2)) } ?? (down.shape.count == 4 ? Array(down.shape.suffix(2)) : [])
        let rule = rule(isWide: kernel.reduce(1, *) > 1)
        if case .fixed(layer.rank) = rule { return layer }
        var bare = layer
        bare.tensors["dora_scale"] = nil
        bare.alpha = nil
        let values =
            core == nil
            ? up.matrix.singularValues(ofProductWith: down.matrix) : try bare.delta(base: nil).singularValues()
        guard let values else { throw notFinite(layer) }
        let (newUp, newDown) = fitted(values, rule, limit: layer.rank ?? 1)
        let inputs = down.shape.count > 1 ? down.shape[1] : 1
        var result = LayerForms.lora(
            layer.name, up: newUp, down: newDown, shape: [up.shape[0], inputs] + kernel,
            alpha: layer.alpha == nil ? nil : alpha(layer, rank: newUp.columns))
        if layer.alpha == nil { result.alpha = nil }
        for kept in ["dora_scale", "diff_b"] { result.tensors[kept] = layer.tensors[kept] }
        return result
    }

    /// Both halves truncated: the product of two best approximations, then its factors improved in turn.
    private func loha(_ layer: StoredLayer) throws -> StoredLayer {
        let isTucker = layer.tensors["hada_t1"] != nil
        if case .fixed(layer.rank) = rule(isWide: isTucker) { return layer }
        guard !isTucker else {
            throw AdapterError(
                .badOption, "\(layer.name).hada_t1: LoHa's Tucker form cannot be resized; convert it to lora first")
        }
        let names = [("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")]
        let halves = try names.map { a, b in
            guard
                let values = try layer.tensor(a).matrix.singularValues(ofProductWith: try layer.tensor(b).matrix)
            else { throw notFinite(layer) }
            return values
        }
        // Both halves get one rank: what the file's format wants.
        let rank = halves.map { fittedRank($0, rule, limit: layer.rank ?? 1) }.max() ?? 1
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

    /// The larger factor's low-rank product, which a full matrix becomes where the rank is small enough.
    private func lokr(_ layer: StoredLayer) throws -> StoredLayer {
        guard layer.tensors["lokr_t2"] == nil else {
            throw AdapterError(
                .badOption, "\(layer.name).lokr_t2: LoKr's Tucker form cannot be resized; convert it to lora first")
        }
        if case .fixed(layer.rank) = rule { return layer }
        guard layer.tensors["lokr_w1_a"] == nil else {
            throw AdapterError(
                .badOption,
                "\(layer.name).lokr_w1_a: LoKr with two low-rank factors shares one alpha and cannot be resized")
        }
        let isWide = (layer.tensors["lokr_w2"]?.shape.count ?? 2) == 4
        let rule = rule(isWide: isWide)
        let whole = layer.tensors["lokr_w2"]
        let values: SingularValues?
        if let whole {
            values = whole.matrix.singularValues()
        } else {
            values = try layer.tensor("lokr_w2_a").matrix.singularValues(
                ofProductWith: try layer.tensor("lokr_w2_b").matrix)
        }
        guard let values else { throw notFinite(layer) }
        let limit = layer.rank ?? values.values.count
        let rank = fittedRank(values, rule, limit: limit)
        let shape = try layer.tensor(whole == nil ? "lokr_w2_a" : "lokr_w2").shape
        var result = layer
        for name in ["lokr_w2", "lokr_w2_a", "lokr_w2_b"] { result.tensors[name] = nil }
        if whole != nil, 2 * rank >= max(shape[0], shape[1]) {
            // LoKr keeps full matrices where a low-rank product would not be smaller.
            return layer
        }
        let (a, b) = padded(values, rank: rank)
        result.tensors["lokr_w2_a"] = StoredTensor(a, shape: [shape[0], rank])
        result.tensors["lokr_w2_b"] = StoredTensor(b, shape: [rank, b.columns])
        result.alpha = layer.scale * Double(rank)
        return result
    }

    private func notFinite(_ layer: StoredLayer) -> AdapterError {
        AdapterError(.wrongShape, "\(layer.name): its numbers cannot be decomposed")
    }

    /// A fixed rank may exceed the old one; every other rule chooses among the old ranks.
    private func fittedRank(_ values: SingularValues, _ rule: RankRule, limit: Int) -> Int {
        if case .fixed(let rank) = rule { return rank }
        return rule.rank(Array(values.values.prefix(limit)))
    }

    private func fitted(_ values: SingularValues, _ rule: RankRule, limit: Int) -> (
        up: DoubleMatrix, down: DoubleMatrix
    ) {
        padded(values, rank: fittedRank(values, rule, limit: limit))
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
