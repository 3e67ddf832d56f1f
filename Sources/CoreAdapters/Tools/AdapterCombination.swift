import CoreTensor
import RunSpec

/// Several adapters as one file of whole differences, by a rule that lessens how far they interfere.
package struct AdapterCombination {
    package var base: String
    package var adapters: [(path: String, strength: Double)]
    package var rule: CombinationRule

    package init(base: String, adapters: [(path: String, strength: Double)], rule: CombinationRule) {
        self.base = base
        self.adapters = adapters
        self.rule = rule
    }

    /// Writes the differences in f32.
    ///
    /// - Returns: what was assumed about the files.
    /// - Throws: `AdapterError` for an adapter that does not fit the base.
    package func write(to path: String) throws -> [String] {
        let weights = try BaseWeights(path: base)
        let found = try AdapterChanges(adapters, in: weights)
        let layers = try inParallel(found.changes.count) { index -> StoredLayer in
            let change = found.changes[index]
            let weight = try weights.weight(change.layer)
            let isVector = weight.shape.count == 1
            var tensors = [
                (isVector ? "w_norm" : "diff"): StoredTensor(try change.weightChange(weight, rule), shape: weight.shape)
            ]
            if let shift = try change.biasChange(try weights.bias(change.layer)) {
                tensors[isVector ? "b_norm" : "diff_b"] = StoredTensor(shift, shape: [shift.count])
            }
            return StoredLayer(name: change.layer.name, algorithm: isVector ? nil : .full, tensors: tensors)
        }
        try StoredAdapter(layers: layers).save(to: path, type: .f32)
        return found.warnings
    }
}
