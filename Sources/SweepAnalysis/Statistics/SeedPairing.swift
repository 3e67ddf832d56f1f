/// Whether differences between configurations are taken seed by seed.
///
/// A training seed fixes the order of the pictures and the noise; where that moves all configurations in the
/// same direction, differences within a seed are surer than means side by side. Whether it does is decided
/// once for a whole sweep, by the F test of the seeds' effect in the two-way layout (Fisher 1925): otherwise
/// chance would choose the kinder interval pair by pair.
package struct SeedPairing: Equatable, Sendable {
    /// What differences are made of: the same means, with the spread that counts for differences.
    package var groups: [SeedGroup]
    package var isPaired: Bool

    /// At most so likely is the seeds' effect by chance.
    package static let significance = 0.05

    /// - Parameter values: a configuration's values by seed.
    package init(_ values: [[Int: Double]]) {
        groups = values.map { SeedGroup($0.sorted { $0.key < $1.key }.map(\.value)) }
        isPaired = false
        guard let first = values.first, values.count > 1, first.count > 1,
            values.allSatisfy({ Set($0.keys) == Set(first.keys) })
        else { return }
        let (rows, columns) = (Double(values.count), Double(first.count))
        let grand = groups.reduce(0) { $0 + $1.mean } / rows
        let effects = first.keys.reduce(into: [Int: Double]()) { effects, seed in
            effects[seed] = values.reduce(0) { $0 + ($1[seed] ?? 0) } / rows - grand
        }
        let residuals = zip(values, groups).map { row, group in
            row.reduce(0) { sum, entry in
                let rest = entry.value - group.mean - (effects[entry.key] ?? 0)
                return sum + rest * rest
            }
        }
        let left = (rows - 1) * (columns - 1)
        let residual = residuals.reduce(0, +) / left
        // In the order of the seeds: sums must not depend on the order of a dictionary.
        let effect = rows * effects.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value } / (columns - 1)
        guard residual > 0 else { return }
        guard FisherDistribution.upperTail(effect / residual, columns - 1, left) < Self.significance else { return }
        isPaired = true
        let degrees = left / rows
        for index in groups.indices {
            groups[index].variance = residuals[index] / degrees
            groups[index].degrees = degrees
        }
    }
}
