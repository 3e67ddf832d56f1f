import CoreTensor

extension LoHaAlgorithm {
    func resized(_ layer: StoredLayer, _ resize: LayerResize) throws -> StoredLayer {
        let isTucker = layer.tensors["hada_t1"] != nil
        return try LayerResize.keeping(layer, resize.rule(isWide: isTucker), upTo: layer.rank ?? 1) {
            try fitted(layer, $0)
        }
    }

    /// Both halves truncated: the product of two best approximations, then its factors improved in turn.
    private func fitted(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let isTucker = layer.tensors["hada_t1"] != nil
        if case .fixed(layer.rank) = rule { return layer }
        if isTucker { return try fittedTucker(layer, rule) }
        let names = [("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")]
        let halves = try names.map { a, b in
            guard
                let values = try layer.tensor(a).matrix.singularValues(ofProductWith: try layer.tensor(b).matrix)
            else { throw LayerResize.notDecomposed(layer) }
            return values
        }
        // Both halves get one rank: what the file's format wants.
        let rank = halves.map { LayerResize.fittedRank($0.values, rule, limit: layer.rank ?? 1) }.max() ?? 1
        var result = layer
        var factors = halves.map { LayerResize.padded($0, rank: rank) }
        if rank < layer.rank ?? 1 {
            factors = HadamardFit.improved(factors, towards: try LayerResize.plain(layer).scaled(by: 1 / layer.scale))
        }
        for ((a, b), (up, down)) in zip(names, factors) {
            result.tensors[a] = StoredTensor(up, shape: [up.rows, rank])
            result.tensors[b] = StoredTensor(down, shape: [rank, down.columns])
        }
        result.alpha = layer.alpha.map { _ in LayerResize.alpha(layer, rank: rank) }
        return result
    }

    private func fittedTucker(_ layer: StoredLayer, _ rule: RankRule) throws -> StoredLayer {
        let limit = layer.rank ?? 1
        let names = [1, 2].map { (a: "hada_w\($0)_a", b: "hada_w\($0)_b", core: "hada_t\($0)") }
        let halves = try names.map { try LayerResize.tucker(layer, $0) }
        // The rank that one half needs decides for both.
        var rank = 1
        for half in halves {
            let tried = half.resized { values in
                rank = max(rank, LayerResize.wantedRank(values, rule, limit: limit))
                return rank
            }
            guard tried != nil else { throw LayerResize.notDecomposed(layer) }
        }
        var factors = try halves.map { half in
            guard let resized = half.resized({ _ in rank }) else { throw LayerResize.notDecomposed(layer) }
            return resized
        }
        if rank < limit {
            factors = HadamardFit.improved(factors, towards: try LayerResize.plain(layer).scaled(by: 1 / layer.scale))
        }
        var result = layer
        for (names, factor) in zip(names, factors) { LayerResize.store(factor, names, in: &result, like: layer) }
        result.alpha = layer.alpha.map { _ in LayerResize.alpha(layer, rank: rank) }
        return result
    }
}
