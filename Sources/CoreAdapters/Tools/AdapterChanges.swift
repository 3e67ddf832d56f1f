import CoreTensor

/// Everything that several adapters change in a base, layer by layer.
struct AdapterChanges {
    /// A layer of the base with everything that changes it.
    struct Change {
        let layer: BaseWeights.Layer
        var parts: [(layer: StoredLayer, strength: Double, path: String)]
    }

    /// In the order of their names.
    let changes: [Change]
    /// What was assumed about the files.
    let warnings: [String]

    /// - Throws: `AdapterError` for a layer the base does not have.
    init(_ adapters: [(path: String, strength: Double)], in weights: BaseWeights) throws {
        var found: [String: Change] = [:]
        var warnings: [String] = []
        for (path, strength) in adapters {
            let adapter = try StoredAdapter(path: path)
            warnings += adapter.warnings
            try naming(path) {
                for stored in adapter.layers {
                    let stored = try weights.resolved(stored)
                    let place = try weights.layer(stored.name)
                    found[place.name, default: Change(layer: place, parts: [])].parts.append((stored, strength, path))
                }
            }
        }
        changes = found.sorted { $0.key < $1.key }.map(\.value)
        self.warnings = warnings
    }
}

extension AdapterChanges.Change {
    /// What becomes of the weight.
    ///
    /// - Parameter base: the weight.
    /// - Throws: `AdapterError` for an adapter that does not fit.
    func weightChange(_ base: StoredTensor, _ rule: CombinationRule) throws -> [Double] {
        guard rule.kind != .sum, parts.count > 1 else {
            var sum = [Double](repeating: 0, count: base.values.count)
            for (stored, strength, path) in parts {
                let delta = try naming(path) { try stored.delta(base: base, strength: strength) }
                for i in sum.indices { sum[i] += delta.values[i] }
            }
            return sum
        }
        let deltas = try parts.map { part in try naming(part.path) { try part.layer.delta(base: base).values } }
        return rule.combined(deltas, weights: parts.map(\.strength), layer: layer.name)
    }

    /// What becomes of the bias, which is summed up by every rule; nil where nothing changes it.
    ///
    /// - Parameter bias: the base's.
    /// - Throws: `AdapterError` for a layer without a bias.
    func biasChange(_ bias: StoredTensor?) throws -> [Double]? {
        var sum: [Double]?
        for (stored, strength, path) in parts {
            guard let shift = stored.biasDelta else { continue }
            guard let count = bias?.values.count, count == shift.values.count else {
                throw AdapterError(
                    .wrongShape,
                    "\(path): \(stored.biasKey): found shape \(shift.shape), the base's layer has "
                        + (bias.map { "a bias of shape \($0.shape)" } ?? "no bias to merge it into"))
            }
            var values = sum ?? [Double](repeating: 0, count: count)
            for i in values.indices { values[i] += strength * shift.values[i] }
            sum = values
        }
        return sum
    }
}
