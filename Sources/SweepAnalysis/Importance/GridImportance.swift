import RunSpec
import SweepModel

/// What each factor of a grid does, and what pairs of them do together.
package struct GridImportance: Equatable, Sendable {
    package struct Factor: Equatable, Sendable {
        package var name: String
        /// Of its levels, in the order of the design.
        package var levels: [String]
    }

    /// The algorithm whose configurations make the grid; nil for the whole sweep.
    package var algorithm: String?
    package var factors: [Factor]
    package var design: FactorialDesign
    /// The step at which it was measured; nil for each job's last one.
    package var step: Int?

    package func name(_ effect: FactorialDesign.Effect) -> String {
        effect.factors.map { factors[$0].name }.joined(separator: " × ")
    }
}

extension GridImportance {
    /// The grids of a sweep: all of it if it is one, else each algorithm's.
    static func all(
        _ measured: ImportanceRows, _ features: SweepFeatures, _ jobs: [JobSummary]
    ) -> [GridImportance] {
        let last = measured.last()
        let values = Dictionary(uniqueKeysWithValues: last.groups.map { ($0.configuration, $0.bySeed) })
        let firsts = Dictionary(jobs.map { ($0.configuration, $0.parameters) }) { first, _ in first }
        let everyone = values.keys.sorted()
        if let whole = grid(everyone, nil, values, features, firsts, last.step) { return [whole] }
        let byAlgorithm = Dictionary(grouping: everyone) { firsts[$0]?["algorithm"]?.text ?? "" }
        guard byAlgorithm.count > 1 else { return [] }
        return byAlgorithm.sorted { $0.key < $1.key }.compactMap { algorithm, own in
            grid(own, algorithm, values, features, firsts, last.step)
        }
    }

    private static func grid(
        _ configurations: [String], _ algorithm: String?, _ values: [String: [Int: Double]], _ features: SweepFeatures,
        _ parameters: [String: [String: ParameterValue]], _ step: Int?
    ) -> GridImportance? {
        let points = configurations.compactMap { features.values[$0] }
        guard points.count == configurations.count, points.count > 3 else { return nil }
        var factors: [(feature: Int, levels: [Double])] = []
        for feature in features.features.indices {
            let levels = Set(points.map { $0[feature].isNaN ? .infinity : $0[feature] }).sorted()
            if levels.count > 1 { factors.append((feature, levels)) }
        }
        let counts = factors.map(\.levels.count)
        let cells = counts.reduce(1) { $0.multipliedReportingOverflow(by: $1).overflow ? .max : $0 * $1 }
        guard factors.count > 1, cells <= FactorialDesign.mostCells, configurations.count <= cells else { return nil }
        var bySeed = [[Int: Double]?](repeating: nil, count: cells)
        for (configuration, point) in zip(configurations, points) {
            let cell = factors.reduce(0) { sum, factor in
                let value = point[factor.feature].isNaN ? .infinity : point[factor.feature]
                return sum * factor.levels.count + (factor.levels.firstIndex(of: value) ?? 0)
            }
            // Two configurations in one cell differ in what is no factor: then it is no grid.
            guard bySeed[cell] == nil else { return nil }
            bySeed[cell] = values[configuration]
        }
        let seeds = SeedGroups(bySeed.compactMap { $0 })
        var next = seeds.groups.makeIterator()
        let groups = bySeed.map { $0 == nil ? nil : next.next() }
        guard let design = FactorialDesign(levelCounts: counts, groups: groups, variance: seeds.variance) else {
            return nil
        }
        return GridImportance(
            algorithm: algorithm,
            factors: factors.map { factor in
                Factor(
                    name: features.features[factor.feature].name,
                    levels: factor.levels.map { level in
                        let owner = zip(configurations, points).first { pair in
                            let value = pair.1[factor.feature]
                            return level == .infinity ? value.isNaN : value == level
                        }?.0
                        let name = features.features[factor.feature].name
                        return VariedParameters.text(
                            owner.flatMap { parameters[$0]?[name] } ?? .text(SweepFeatures.none))
                    })
            }, design: design, step: step)
    }
}
