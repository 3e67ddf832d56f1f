import BoostedTrees
import Foundation
import RunSpec

/// What moves a measure, by the Shapley values of boosted trees (section 5 of the LyCORIS paper, facts of its
/// notebooks): trees over all checkpoints, features as `SweepFeatures` has them and the epoch.
///
/// A name (an algorithm, a layer preset) is a column of its own, 0 or 1: any order of names would be made up.
/// Its feature's Shapley value is the sum over these columns, as the paper adds the capacity of native
/// training to its algorithm.
package struct TreeImportance: Equatable, Sendable {
    package struct Feature: Equatable, Sendable {
        package var name: String
        /// Mean size of its Shapley values, in units of the measure.
        package var size: Double
        /// Spearman's correlation of the feature's value with its Shapley value; nil for names, and where one
        /// of them does not vary.
        package var direction: Double?
        /// nil for numbers and levels.
        package var names: [String]?
        /// Mean Shapley value of each name, in the order of `names`.
        package var means: [Double]
    }

    /// One checkpoint.
    package struct Row: Equatable, Sendable {
        package var job: String
        package var configuration: String
        package var step: Int
        package var value: Double
        /// One a feature, in their order; NaN where it has none, of names an index.
        package var features: [Double]
        /// Their Shapley values.
        package var contributions: [Double]
    }

    /// The most important first.
    package var features: [Feature]
    package var rows: [Row]
    /// The mean that the Shapley values are added to.
    package var expected: Double
    /// Share of the variance that the trees explain in what they were trained on.
    package var inSample: Double
    /// The same in configurations that they were not trained on; below 0 where the mean would have said more.
    /// nil for fewer than four configurations.
    package var crossValidated: Double?
    package var folds: Int
    package var configurations: Int
    /// Checkpoints before some were left out.
    package var total: Int
}

extension TreeImportance {
    /// How much the picture says, by the cross-validated R².
    package enum Worth: String, Sendable {
        case nothing, little, much
    }

    package var worth: Worth {
        guard let crossValidated, crossValidated >= Self.leastWorth else { return .nothing }
        return crossValidated < Self.goodWorth ? .little : .much
    }

    static let leastWorth = 0.2
    static let goodWorth = 0.5
    /// Enough for trees of this depth; more only take time.
    static let mostRows = 600
    static let mostFolds = 5
    static let leastConfigurations = 4

    /// - Returns: nil where nothing varied, or too little was measured.
    /// - Throws: `BoostedTreesError`.
    static func of(_ measured: ImportanceRows, _ features: SweepFeatures) throws -> TreeImportance? {
        let configurations = Set(measured.rows.map(\.configuration)).count
        let every = (measured.rows.count + mostRows - 1) / mostRows
        let rows = measured.rows.enumerated().filter { $0.offset % max(every, 1) == 0 }.map(\.element)
        guard configurations > 1, rows.count > 3, Set(rows.map(\.value)).count > 1 else { return nil }
        let encoding = Encoding(features, measured)
        guard !encoding.features.isEmpty else { return nil }
        let table = rows.map { encoding.columns(of: $0, features) }
        let targets = rows.map(\.value)
        // Trees are trained in single precision: around 0, of about 1.
        let unit = Unit(targets)
        let scaled = targets.map(unit.scaled)
        let trees = try BoostedTrees(rows: table, targets: scaled)
        let contributions = try trees.contributions(table)
        let found = zip(rows, contributions).map { row, own in
            Row(
                job: row.job, configuration: row.configuration, step: row.step, value: row.value,
                features: encoding.values(of: row, features),
                contributions: encoding.ranges.map { range in unit.size * own.columns[range].reduce(0, +) })
        }
        var importance = TreeImportance(
            features: encoding.features.indices.map { summary($0, encoding.features[$0], found) }, rows: found,
            expected: unit.value(contributions[0].expected),
            inSample: explained(scaled, try trees.predictions(table)), crossValidated: nil, folds: 0,
            configurations: configurations, total: measured.rows.count)
        if configurations >= leastConfigurations {
            importance.folds = min(mostFolds, configurations)
            importance.crossValidated = try crossValidated(rows, table, scaled, folds: importance.folds)
        }
        importance.order()
        return importance
    }

    private mutating func order() {
        let order = features.indices.sorted { (features[$0].size, $1) > (features[$1].size, $0) }
        features = order.map { features[$0] }
        for row in rows.indices {
            rows[row].features = order.map { rows[row].features[$0] }
            rows[row].contributions = order.map { rows[row].contributions[$0] }
        }
    }

    private static func summary(_ place: Int, _ feature: SweepFeatures.Feature, _ rows: [Row]) -> Feature {
        let own = rows.map { $0.contributions[place] }
        let size = own.reduce(0) { $0 + abs($1) } / Double(own.count)
        guard case .names(let names) = feature.kind else {
            let pairs = rows.filter { $0.features[place].isFinite }
            let direction = Correlation.spearman(
                pairs.map { $0.features[place] }, pairs.map { $0.contributions[place] })
            return Feature(name: feature.title, size: size, direction: direction, names: nil, means: [])
        }
        let means = names.indices.map { name in
            let values = rows.filter { $0.features[place] == Double(name) }.map { $0.contributions[place] }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        return Feature(name: feature.title, size: size, direction: nil, names: names, means: means)
    }

    /// 1 - squares left / squares around the mean.
    private static func explained(_ values: [Double], _ predicted: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        let all = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return all > 0 ? 1 - zip(values, predicted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / all : 0
    }

    /// All seeds and checkpoints of a configuration are in one fold: a tree that has seen one of them knows
    /// the others.
    private static func crossValidated(
        _ rows: [ImportanceRows.Row], _ table: [[Double]], _ targets: [Double], folds: Int
    ) throws -> Double {
        // Shuffled by fixed numbers: neighbours by name are often neighbours in what they do.
        var stream = CounterStream(UInt64(rows.count))
        let order = Set(rows.map(\.configuration)).sorted().map { ($0, stream.word()) }.sorted { $0.1 < $1.1 }
        let fold = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($0.element.0, $0.offset % folds) })
        var predicted = targets
        for held in 0..<folds {
            let (inside, outside) = (
                rows.indices.filter { fold[rows[$0].configuration] == held },
                rows.indices.filter { fold[rows[$0].configuration] != held }
            )
            let trees = try BoostedTrees(rows: outside.map { table[$0] }, targets: outside.map { targets[$0] })
            for (row, value) in zip(inside, try trees.predictions(inside.map { table[$0] })) { predicted[row] = value }
        }
        return explained(targets, predicted)
    }
}

/// The scale that trees are trained on.
private struct Unit {
    let mean: Double
    let size: Double

    init(_ values: [Double]) {
        mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { [mean] in $0 + ($1 - mean) * ($1 - mean) }
        size = (squares / Double(values.count)).squareRoot()
    }

    func scaled(_ value: Double) -> Double { (value - mean) / size }
    func value(_ scaled: Double) -> Double { mean + size * scaled }
}

/// Features as columns of a table.
private struct Encoding {
    let features: [SweepFeatures.Feature]
    let ranges: [Range<Int>]
    private let time: Time?

    private enum Time { case epoch, step }

    init(_ features: SweepFeatures, _ measured: ImportanceRows) {
        time = measured.hasEpochs ? .epoch : measured.hasCheckpoints ? .step : nil
        let own = time.map { [SweepFeatures.Feature(name: $0 == .epoch ? "epoch" : "step", kind: .number)] } ?? []
        self.features = features.features + own
        var start = 0
        ranges = self.features.map { feature in
            var width = 1
            if case .names(let names) = feature.kind, names.count > 2 { width = names.count }
            defer { start += width }
            return start..<(start + width)
        }
    }

    func values(of row: ImportanceRows.Row, _ features: SweepFeatures) -> [Double] {
        let own = features.values[row.configuration] ?? []
        switch time {
        case .epoch: return own + [Double(row.epoch)]
        case .step: return own + [Double(row.step)]
        case nil: return own
        }
    }

    func columns(of row: ImportanceRows.Row, _ features: SweepFeatures) -> [Double] {
        zip(self.features, values(of: row, features)).flatMap { feature, value -> [Double] in
            guard case .names(let names) = feature.kind, names.count > 2 else { return [value] }
            return names.indices.map { Double($0) == value ? 1 : 0 }
        }
    }
}
