import CoreTensor

extension LoKrAlgorithm {
    func resized(_ layer: StoredLayer, _ resize: LayerResize) throws -> StoredLayer {
        let isTucker = layer.tensors["lokr_t2"] != nil
        let rule = resize.rule(isWide: isTucker || layer.tensors["lokr_w2"]?.shape.count == 4)
        // One decomposed matrix keeps what its singular values say.
        guard isTucker || layer.tensors["lokr_w1_a"] != nil else { return try fitted(layer, rule) }
        let whole = layer.tensors["lokr_w2"].map { min($0.matrix.rows, $0.matrix.columns) }
        return try LayerResize.keeping(layer, rule, upTo: max(layer.rank ?? 1, whole ?? 1)) { try fitted(layer, $0) }
    }

    /// The larger factor's low-rank product, which a full matrix becomes where the rank is small enough; a
    /// smaller factor that is one too follows.
    private func fitted(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let isTucker = layer.tensors["lokr_t2"] != nil
        if case .fixed(layer.rank) = rule { return layer }
        var result = layer
        let rank = isTucker ? try fittedTucker(layer, rule, &result) : try fittedLarge(layer, rule, &result)
        try fitSmall(layer, rank: rank, &result)
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
    private func fittedTucker(_ layer: StoredLayer, _ rule: RankRule, _ result: inout StoredLayer) throws -> Int {
        let names = (a: "lokr_w2_a", b: "lokr_w2_b", core: "lokr_t2")
        var rank = 1
        let fitted = try LayerResize.tucker(layer, names).resized { values in
            rank = LayerResize.wantedRank(values, rule, limit: layer.rank ?? 1)
            return rank
        }
        guard let fitted else { throw LayerResize.notDecomposed(layer) }
        LayerResize.store(fitted, names, in: &result, like: layer)
        return rank
    }

    /// - Returns: the new rank.
    private func fittedLarge(_ layer: StoredLayer, _ rule: RankRule, _ result: inout StoredLayer) throws -> Int {
        let whole = layer.tensors["lokr_w2"]
        let values: SingularValues?
        if let whole {
            values = whole.matrix.singularValues()
        } else {
            values = try layer.tensor("lokr_w2_a").matrix.singularValues(
                ofProductWith: try layer.tensor("lokr_w2_b").matrix)
        }
        guard let values else { throw LayerResize.notDecomposed(layer) }
        let limit = whole == nil ? layer.rank ?? values.values.count : values.values.count
        let rank = LayerResize.fittedRank(values.values, rule, limit: limit)
        let shape = try layer.tensor(whole == nil ? "lokr_w2_a" : "lokr_w2").shape
        // LoKr keeps full matrices where a low-rank product would not be smaller.
        if whole != nil, 2 * rank >= max(shape[0], shape[1]) { return rank }
        for name in ["lokr_w2", "lokr_w2_a", "lokr_w2_b"] { result.tensors[name] = nil }
        let (a, b) = LayerResize.padded(values, rank: rank)
        result.tensors["lokr_w2_a"] = StoredTensor(a, shape: [shape[0], rank])
        result.tensors["lokr_w2_b"] = StoredTensor(b, shape: [rank, b.columns])
        return rank
    }

    /// Both factors share one rank where both are low-rank products (`decompose_both`).
    private func fitSmall(_ layer: StoredLayer, rank: Int, _ result: inout StoredLayer) throws {
        guard let a = layer.tensors["lokr_w1_a"] else { return }
        let b = try layer.tensor("lokr_w1_b")
        guard let values = a.matrix.singularValues(ofProductWith: b.matrix) else {
            throw LayerResize.notDecomposed(layer)
        }
        result.tensors["lokr_w1_a"] = nil
        result.tensors["lokr_w1_b"] = nil
        let (rows, columns) = (a.shape[0], b.matrix.columns)
        guard 2 * rank < max(rows, columns) else {
            result.tensors["lokr_w1"] = StoredTensor(a.matrix * b.matrix, shape: [rows, columns])
            return
        }
        let (up, down) = LayerResize.padded(values, rank: rank)
        result.tensors["lokr_w1_a"] = StoredTensor(up, shape: [rows, rank])
        result.tensors["lokr_w1_b"] = StoredTensor(down, shape: [rank, columns])
    }
}
