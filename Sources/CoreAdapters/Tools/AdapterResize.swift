import CoreTensor
import RunSpec

/// Changes the ranks of a LoRA, LoHa or LoKr file, keeping ΔW as near as it can be
/// (`radiata adapter resize`).
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

    /// Reads, resizes and writes the file.
    ///
    /// - Throws: `AdapterError` for an algorithm without a rank, or tensors that cannot be decomposed; then
    ///   nothing was written.
    package func run() throws -> Report { try naming(path) { try rewrite() } }

    private func rewrite() throws -> Report {
        var adapter = try StoredAdapter(path: path)
        let rules = LayerResize(rule: rule, convRule: convRule)
        let results = try inParallel(adapter.layers.count) { index in try adapter.layers[index].resized(rules) }
        let rows = try inParallel(results.count) { index in
            let (old, new) = (adapter.layers[index], results[index])
            let error = try LayerResize.error(of: new, for: old)
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
}

extension StoredLayer {
    /// The layer with another rank; a norm or a bias as it is.
    fileprivate func resized(_ rules: LayerResize) throws -> StoredLayer { try kind?.resized(self, rules) ?? self }
}
