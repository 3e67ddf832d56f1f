import Foundation

/// How the mean of a measure over a full grid splits into what each factor does by itself and what pairs of
/// them do together: functional analysis of variance (Hoeffding 1948; of hyper-parameters Hutter, Hoos,
/// Leyton-Brown, ICML 2014), here on the grid's own cells instead of a model's.
///
/// Squares of noise are squares too, so raw variances are too large: what the spread between seeds alone
/// would give is subtracted. Cells with unequal numbers of seeds count alike (Yates' unweighted means, 1934).
/// A few empty cells are filled by the factors' own effects (Yates' missing plots, 1933) and cost the
/// interactions degrees of freedom.
package struct FactorialDesign: Equatable, Sendable {
    package struct Effect: Equatable, Sendable {
        /// Indices of its factors: one, or two for what they do together.
        package var factors: [Int]
        /// Degrees of freedom.
        package var degrees: Int
        /// Share of the variance between cells, noise subtracted; those of all effects and of `rest` add up
        /// to 1.
        package var share: Double
        /// Standard deviation of the effect over the grid, in units of the measure, noise subtracted.
        package var deviation: Double
        /// Bounds of the deviation's interval at 90 %; nil where the spread between seeds is not known.
        package var low: Double?
        package var high: Double?
        /// Means of the factor's levels, less the mean of the grid; of pairs empty.
        package var levels: [Double]
    }

    package var levelCounts: [Int]
    package var mean: Double
    /// Single factors first, then pairs.
    package var effects: [Effect]
    /// Share of what three factors and more do together.
    package var rest: Double
    /// Standard deviation of one seed; nil for one seed a cell.
    package var noise: Double?
    package var cells: Int
    package var emptyCells: Int

    /// At most so large a share of the cells may be empty.
    package static let mostEmpty = 1.0 / 6
    package static let mostCells = 4096

    /// - Parameters:
    ///   - levelCounts: levels of each factor, at least two.
    ///   - groups: by cell (the last factor changes fastest); nil for a cell without values.
    ///   - variance: of the groups; nil where no seed was trained twice.
    /// - Returns: nil for fewer than two factors, or too many empty cells.
    package init?(levelCounts: [Int], groups: [SeedGroup?], variance: ModeratedVariance?) {
        let count = levelCounts.reduce(1, *)
        precondition(groups.count == count, "\(groups.count) groups of \(count) cells")
        let empty = groups.count { $0 == nil }
        guard levelCounts.count > 1, levelCounts.allSatisfy({ $0 > 1 }), count <= Self.mostCells,
            Double(empty) <= Self.mostEmpty * Double(count)
        else { return nil }
        let grid = Grid(levelCounts)
        guard let values = grid.filled(groups.map { $0?.mean }) else { return nil }
        self.levelCounts = levelCounts
        cells = count
        emptyCells = empty
        mean = values.reduce(0, +) / Double(count)
        noise = variance.map { $0.pooledVariance.squareRoot() }
        // Harmonic mean: the variance of a cell's mean, averaged.
        let perCell = groups.compactMap { $0 }.reduce(0) { $0 + 1 / Double($1.count) } / Double(count - empty)
        let ofCell = (variance?.pooledVariance ?? 0) * perCell
        let parts = grid.parts(values, mean)
        let left = max(0, count - 1 - empty - parts.reduce(0) { $0 + $1.degrees })
        // Empty cells were filled without interactions.
        var missing = empty
        effects = parts.map { part in
            var degrees = part.degrees
            if part.factors.count > 1, missing > 0 {
                let taken = min(missing, degrees - 1)
                degrees -= taken
                missing -= taken
            }
            let variance = part.values.reduce(0) { $0 + $1 * $1 } / Double(count)
            let own = max(0, variance - Double(degrees) * ofCell / Double(count))
            return Effect(
                factors: part.factors, degrees: degrees, share: own, deviation: own.squareRoot(),
                levels: part.factors.count == 1 ? grid.levels(part.values, part.factors[0]) : [])
        }
        let explained = parts.reduce(into: [Double](repeating: mean, count: count)) { sum, part in
            for cell in sum.indices { sum[cell] += part.values[cell] }
        }
        let residual = zip(values, explained).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(count)
        rest = max(0, residual - Double(left) * ofCell / Double(count))
        let total = effects.reduce(rest) { $0 + $1.share }
        for index in effects.indices { effects[index].share = total > 0 ? effects[index].share / total : 0 }
        rest = total > 0 ? rest / total : 0
        guard let variance, ofCell > 0 else { return }
        let table = VarianceInterval(noise: ofCell / Double(count), degrees: variance.pooledDegrees)
        for (index, part) in parts.enumerated() {
            let observed = part.values.reduce(0) { $0 + $1 * $1 } / Double(count)
            let bounds = table.bounds(observed, degrees: Double(effects[index].degrees))
            (effects[index].low, effects[index].high) = (bounds.low.squareRoot(), bounds.high.squareRoot())
        }
    }
}

/// The cells of a grid, and the parts into which their values split.
private struct Grid {
    let counts: [Int]
    let size: Int

    struct Part {
        var factors: [Int]
        var degrees: Int
        /// By cell.
        var values: [Double]
    }

    init(_ counts: [Int]) {
        self.counts = counts
        size = counts.reduce(1, *)
    }

    func level(_ cell: Int, _ factor: Int) -> Int {
        cell / counts[(factor + 1)...].reduce(1, *) % counts[factor]
    }

    /// By cell, the mean of all cells that share its levels of these factors.
    func means(_ values: [Double], _ factors: [Int]) -> [Double] {
        func key(_ cell: Int) -> Int { factors.reduce(0) { $0 * counts[$1] + level(cell, $1) } }
        let keys = (0..<size).map(key)
        var sums = [Double](repeating: 0, count: factors.reduce(1) { $0 * counts[$1] })
        for cell in 0..<size { sums[keys[cell]] += values[cell] }
        let each = Double(size / sums.count)
        return keys.map { sums[$0] / each }
    }

    func levels(_ values: [Double], _ factor: Int) -> [Double] {
        let means = means(values, [factor])
        let stride = counts[(factor + 1)...].reduce(1, *)
        return (0..<counts[factor]).map { means[$0 * stride] }
    }

    func parts(_ values: [Double], _ mean: Double) -> [Part] {
        let single = counts.indices.map { factor in
            Part(factors: [factor], degrees: counts[factor] - 1, values: means(values, [factor]).map { $0 - mean })
        }
        let pairs = counts.indices.flatMap { a in
            counts.indices.dropFirst(a + 1).map { b in
                let both = means(values, [a, b])
                return Part(
                    factors: [a, b], degrees: (counts[a] - 1) * (counts[b] - 1),
                    values: (0..<size).map { both[$0] - mean - single[a].values[$0] - single[b].values[$0] })
            }
        }
        return single + pairs
    }

    /// Empty cells filled by the sum of the factors' effects, until nothing changes.
    ///
    /// - Returns: nil where a level has no cell at all.
    func filled(_ known: [Double?]) -> [Double]? {
        let present = known.compactMap { $0 }
        guard !present.isEmpty else { return nil }
        guard present.count < size else { return present }
        for factor in counts.indices {
            let levels = Set((0..<size).filter { known[$0] != nil }.map { level($0, factor) })
            guard levels.count == counts[factor] else { return nil }
        }
        let mean = present.reduce(0, +) / Double(present.count)
        var values = known.map { $0 ?? mean }
        let scale = max(present.map { abs($0 - mean) }.max() ?? 0, .leastNormalMagnitude)
        for _ in 0..<10_000 {
            let grand = values.reduce(0, +) / Double(size)
            let parts = counts.indices.map { means(values, [$0]) }
            var change = 0.0
            for cell in 0..<size where known[cell] == nil {
                let value = parts.reduce(grand) { $0 + $1[cell] - grand }
                change = max(change, abs(value - values[cell]))
                values[cell] = value
            }
            if change < 1e-13 * scale { break }
        }
        return values
    }
}

/// Bounds of a true variance of cells, given the observed one and the noise in it.
///
/// The observed variance is a noncentral chi-square whose shift is the true one. The chance of an observation
/// as large or larger grows with the true variance: where it is 5 % and 95 % are the bounds, 0 where even no
/// variance at all has more than 5 %. The variance of the noise is itself only known by its degrees of
/// freedom: the chance is averaged over them. For one degree of freedom the bounds are those of Student's t.
package struct VarianceInterval {
    /// What the noise adds to the observed variance for each degree of freedom.
    private let noises: [Double]

    private static let points = 40

    package init(noise: Double, degrees: Double) {
        noises = (0..<Self.points).map { index in
            let p = (Double(index) + 0.5) / Double(Self.points)
            return noise * degrees / ChiSquareDistribution.quantile(p, degrees: degrees)
        }
    }

    package func bounds(
        _ observed: Double, degrees: Double, confidence: Double = Estimate.confidence
    ) -> (low: Double, high: Double) {
        (bound(observed, degrees, (1 - confidence) / 2), bound(observed, degrees, (1 + confidence) / 2))
    }

    private func chance(_ observed: Double, _ degrees: Double, _ truth: Double) -> Double {
        noises.reduce(0) {
            $0 + ChiSquareDistribution.upperTail(observed / $1, degrees: degrees, shift: truth / $1)
        } / Double(noises.count)
    }

    private func bound(_ observed: Double, _ degrees: Double, _ level: Double) -> Double {
        guard chance(observed, degrees, 0) < level else { return 0 }
        var (low, high) = (0.0, max(observed, noises[noises.count / 2] * degrees))
        while chance(observed, degrees, high) < level { (low, high) = (high, 2 * high) }
        for _ in 0..<24 {
            let middle = (low + high) / 2
            if chance(observed, degrees, middle) < level { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
