import CoreTensor
package import RunSpec

/// Makes an adapter of the difference between two models (`radiata adapter extract`).
package struct AdapterExtraction {
    package var base: String
    package var tuned: String
    package var out: String
    /// One into which a difference can be turned (`AdapterAlgorithm.extraction`).
    package var algorithm = Algorithm.lora
    package var rule = RankRule.fixed(4)
    /// Of k×k convolutions; nil: `rule`.
    package var convRule: RankRule?
    /// Of LoKr.
    package var factor = AlgorithmOptions().factor
    /// A layer is left out if no entry changed by more than this share of its weight's largest.
    package var tolerance = 1e-6
    package var type = AdapterFileType.f16

    package init(base: String, tuned: String, out: String) {
        self.base = base
        self.tuned = tuned
        self.out = out
    }

    package struct Report: Codable, Equatable, Sendable {
        package struct Layer: Codable, Equatable, Sendable {
            package let name: String
            /// nil for norms and for algorithms without one.
            package let rank: Int?
            /// ‖ΔW‖
            package let norm: Double
            /// ‖ΔW − extracted‖ / ‖ΔW‖ before rounding to the file's type.
            package let error: Double
        }
        package let layers: [Layer]
        /// Layers that did not change.
        package let unchanged: Int
        /// Changed embeddings, which no adapter holds.
        package let left: [String]
    }

    /// - Throws: `AdapterError` if the models' layers differ in shape or nothing changed.
    package func run() throws -> Report {
        let kind = AdapterRegistry.of(algorithm)
        guard let extraction = kind.extraction else {
            let able = AdapterRegistry.inFiles.filter { $0.extraction != nil }.map(\.algorithm)
            throw AdapterError(
                .badOption,
                "--algorithm \(algorithm.rawValue): a difference can be turned into \(AdapterRegistry.joined(able, by: "or"))"
            )
        }
        let (before, after) = (try BaseWeights(path: base), try BaseWeights(path: tuned))
        let results = try inParallel(before.layers.count) { index in
            try extract(before.layers[index], before, after, extraction)
        }
        let changed = results.compactMap { $0 }
        let layers = changed.compactMap(\.stored)
        guard !layers.isEmpty else {
            throw AdapterError(.nothingSelected, "\(tuned): no layer differs from \(base)'s")
        }
        let ranks = Set(layers.compactMap(\.rank))
        let metadata = [
            "ss_v2": "False", "ss_base_model_version": before.version,
            "ss_network_module": kind.networkModule,
            "ss_network_dim": ranks.count == 1 ? "\(ranks.first ?? 1)" : "Dynamic", "ss_network_alpha": "Dynamic",
            "ss_network_args": "{\"algo\": \"\(algorithm.canonical.rawValue)\"}",
        ]
        try StoredAdapter(layers: layers, metadata: metadata).save(to: out, type: type.stored)
        return Report(
            layers: changed.compactMap(\.row), unchanged: results.count - changed.count,
            left: changed.compactMap(\.left))
    }

    private struct Extracted {
        var stored: StoredLayer?
        var row: Report.Layer?
        var left: String?
    }

    /// - Returns: nil for a layer that did not change.
    private func extract(
        _ layer: BaseWeights.Layer, _ before: BaseWeights, _ after: BaseWeights, _ extraction: LayerExtraction
    ) throws -> Extracted? {
        let other = try after.layer(layer.name)
        guard layer.shape.reduce(1, *) == other.shape.reduce(1, *), layer.shape.first == other.shape.first else {
            throw AdapterError(
                .wrongShape, "\(layer.name): \(base) has shape \(layer.shape), \(tuned) has \(other.shape)")
        }
        let (old, new) = (try before.weight(layer), try after.weight(other))
        let delta = new.matrix - old.matrix
        let shift = try biasChange(layer, other, before, after)
        let isChanged = exceeds(delta.values, old.values)
        guard isChanged || shift != nil else { return nil }
        if layer.isEmbedding { return Extracted(left: layer.name) }
        let norm = delta.norm
        if layer.isNorm {
            var tensors = ["w_norm": StoredTensor(delta.values, shape: layer.shape)]
            if let shift { tensors["b_norm"] = shift }
            return Extracted(
                stored: StoredLayer(name: layer.name, algorithm: nil, tensors: tensors),
                row: .init(name: layer.name, rank: nil, norm: norm, error: 0))
        }
        let isWide = layer.shape.count == 4 && layer.shape[2] * layer.shape[3] > 1
        var stored = try extraction(
            ExtractedChange(
                name: layer.name, delta: delta, shape: layer.shape, rule: isWide ? convRule ?? rule : rule,
                factor: factor))
        if let shift { stored.tensors["diff_b"] = shift }
        return Extracted(
            stored: stored,
            row: .init(
                name: layer.name, rank: stored.rank, norm: norm,
                error: try stored.delta(base: nil).relativeError(to: delta)))
    }

    private func biasChange(
        _ layer: BaseWeights.Layer, _ other: BaseWeights.Layer, _ before: BaseWeights, _ after: BaseWeights
    ) throws -> StoredTensor? {
        guard let old = try before.bias(layer), let new = try after.bias(other), old.shape == new.shape else {
            return nil
        }
        let change = zip(new.values, old.values).map { $0 - $1 }
        return exceeds(change, old.values) ? StoredTensor(change, shape: old.shape) : nil
    }

    private func exceeds(_ change: [Double], _ original: [Double]) -> Bool {
        let largest = original.reduce(0) { max($0, abs($1)) }
        return change.contains { abs($0) > tolerance * largest }
    }
}
