/// Which metrics an evaluation makes: all usual ones, or those that were asked for.
///
/// A wanted key is a metric's name, for whatever measures it; `METRIC@` (with nothing behind it) means the
/// base's own encoders, and `METRIC@ROLE` or `METRIC@ENCODER` one that the job names.
package struct MetricSelection: Hashable, Sendable {
    /// nil for the usual ones.
    private let keys: [String]?

    /// Orders of the Vendi score that are asked for, besides the usual one.
    package var vendiOrders: [(name: String, order: Double)] {
        (keys ?? []).compactMap { key in
            let name = Self.plain(String(key.prefix { $0 != "@" }))
            return EvaluationMetric.vendiOrder(name).map { (name, $0) }
        }
    }

    package init(_ keys: [String]?) {
        self.keys = keys
    }

    package static let usual = MetricSelection(nil)

    /// Whether a metric is to be made.
    ///
    /// - Parameters:
    ///   - name: without an encoder.
    ///   - role: what measures it; nil for the base's own encoders, and where none is needed.
    ///   - encoder: its name; nil for the base's own.
    package func wants(_ name: String, role: EncoderRole? = nil, encoder: String? = nil) -> Bool {
        guard let keys else { return EvaluationMetric.named(name)?.isUsual(role) ?? true }
        let plain = Self.plain(name)
        return keys.contains { key in
            guard let at = key.firstIndex(of: "@") else { return Self.plain(key) == plain }
            let owner = key[key.index(after: at)...]
            guard Self.plain(String(key[..<at])) == plain else { return false }
            return owner.isEmpty ? role == nil : owner == role?.rawValue ?? "" || owner == encoder ?? ""
        }
    }

    /// The prompt types at which something that is wanted is measured.
    ///
    /// - Parameter types: those that the evaluation would draw.
    package func drawn(_ types: [PromptType]) -> [PromptType] {
        guard let keys else { return types }
        var needed: Set<PromptType> = []
        for key in keys {
            let name = Self.plain(String(key.prefix { $0 != "@" }))
            guard let metric = EvaluationMetric.named(name) else { continue }
            needed.formUnion(metric.needs)
        }
        return types.filter(needed.contains)
    }

    /// Keys that no evaluation of the core makes; each with the nearest that one does.
    package var unknown: [(key: String, nearest: String?)] {
        (keys ?? []).compactMap { key in
            let name = Self.plain(String(key.prefix { $0 != "@" }))
            guard EvaluationMetric.named(name) == nil else { return nil }
            return (key, RunSpec.nearest(to: name, among: EvaluationMetric.known.map(\.name)))
        }
    }

    /// Values of the base and bounds come with the metric that they are of.
    private static func plain(_ name: String) -> String {
        for prefix in ["base_", "bound_"] where name.hasPrefix(prefix) { return String(name.dropFirst(prefix.count)) }
        return name.hasPrefix("source_edit_") ? String(name.dropFirst("source_".count)) : name
    }
}
