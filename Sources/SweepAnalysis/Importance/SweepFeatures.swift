import RunSpec
import SweepModel

/// What a sweep varied, as features of its configurations: numbers, levels or names.
///
/// - Numbers that mean different things for different algorithms (a learning rate of 1e-6 is high for one and
///   nothing for another) become levels: their place among the values that the algorithm has, 1 for the
///   lowest. So did the LyCORIS paper.
/// - What only repeats another feature is left out and named: nothing could tell them apart.
struct SweepFeatures {
    struct Feature: Hashable {
        enum Kind: Hashable {
            case number
            /// From 1, by algorithm.
            case level
            case names([String])
        }

        var name: String
        var kind: Kind

        /// `lr (level)`.
        var title: String { kind == .level ? "\(name) (level)" : name }
    }

    /// Parameters first, by `VariedParameters`.
    private(set) var features: [Feature] = []
    /// By configuration, then by feature; NaN where it has none. Names are indices.
    private(set) var values: [String: [Double]] = [:]
    /// Parameters that were left out, and the feature with which they move.
    private(set) var movesWith: [(parameter: String, feature: String)] = []

    static let none = "none"

    init(_ jobs: [JobSummary]) {
        let firsts = Dictionary(jobs.map { ($0.configuration, $0.parameters) }) { first, _ in first }
        let configurations = firsts.keys.sorted()
        var columns: [[Double]] = []
        let algorithms = configurations.map { firsts[$0]?["algorithm"]?.text ?? "" }
        for name in VariedParameters(jobs).names {
            let own = configurations.map { firsts[$0]?[name] ?? .null }
            let (kind, column) = Self.column(own, algorithms, isAlgorithm: name == "algorithm")
            guard Set(column.map { $0.isNaN ? .infinity : $0 }).count > 1 else {
                // One level for each algorithm.
                movesWith.append((name, "algorithm"))
                continue
            }
            if name != "algorithm", let source = Self.source(of: column, algorithms, features, columns) {
                movesWith.append((name, source))
                continue
            }
            features.append(Feature(name: name, kind: kind))
            columns.append(column)
        }
        for (place, configuration) in configurations.enumerated() { values[configuration] = columns.map { $0[place] } }
    }

    private static func column(
        _ values: [ParameterValue], _ algorithms: [String], isAlgorithm: Bool
    ) -> (Feature.Kind, [Double]) {
        let present = values.filter { $0 != .null }
        let numbers = present.compactMap(\.number).filter(\.isFinite)
        if !isAlgorithm, numbers.count == present.count, !numbers.isEmpty {
            var known: [String: Set<Double>] = [:]
            for (value, algorithm) in zip(values, algorithms) {
                if let number = value.number { known[algorithm, default: []].insert(number) }
            }
            if Set(known.values).count > 1 {
                let places = known.mapValues { own in
                    Dictionary(
                        uniqueKeysWithValues: own.sorted().enumerated().map { ($0.element, Double($0.offset + 1)) })
                }
                return (
                    .level,
                    zip(values, algorithms).map { value, algorithm in
                        value.number.flatMap { places[algorithm]?[$0] } ?? .nan
                    }
                )
            }
            return (.number, values.map { $0.number ?? .nan })
        }
        let texts = values.map { $0 == .null ? none : VariedParameters.text($0) }
        let names = Set(texts).sorted()
        return (.names(names), texts.map { Double(names.firstIndex(of: $0) ?? 0) })
    }

    /// The feature that, with the algorithm, already says what the column says; nil for none.
    private static func source(
        of column: [Double], _ algorithms: [String], _ features: [Feature], _ columns: [[Double]]
    ) -> String? {
        func isDetermined(by keys: [String], atMost most: Int) -> Bool {
            var known: [String: Double] = [:]
            for (key, value) in zip(keys, column) {
                let value = value.isNaN ? .infinity : value
                if known.updateValue(value, forKey: key) ?? value != value { return false }
            }
            return known.count <= most
        }
        if isDetermined(by: algorithms, atMost: column.count) { return "algorithm" }
        // Where nearly every configuration has a value of its own it determines everything, and says nothing.
        for (feature, other) in zip(features, columns)
        where isDetermined(by: zip(algorithms, other).map { "\($0) \($1)" }, atMost: column.count / 2) {
            return feature.name
        }
        return nil
    }

    /// `conv_dim and train_norm move with layers`; nil where nothing was left out.
    var note: String? {
        guard !movesWith.isEmpty else { return nil }
        var order: [String] = []
        for entry in movesWith where !order.contains(entry.feature) { order.append(entry.feature) }
        let parts = order.map { feature in
            let own = movesWith.filter { $0.feature == feature }.map(\.parameter)
            return "\(NumberWords.list(own)) move\(own.count == 1 ? "s" : "") with \(feature)"
        }
        return "\(NumberWords.list(parts).capitalizedFirst), so nothing tells them apart."
    }
}
