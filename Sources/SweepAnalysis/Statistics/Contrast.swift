/// A weighted sum of configurations' means: a difference, or a mean of several differences.
package struct Contrast: Equatable, Sendable {
    package var value: Double
    /// Of the value; nil where no seed was trained twice.
    package var variance: Double?
    /// Degrees of freedom of the variance.
    package var degrees: Double
    /// The fewest seeds of a group.
    package var seeds: Int

    /// - Parameters:
    ///   - parts: groups with their weights; none twice.
    ///   - variance: of the groups; nil where no seed was trained twice.
    package init(_ parts: [(group: SeedGroup, weight: Double)], _ variance: ModeratedVariance?) {
        value = parts.reduce(0) { $0 + $1.weight * $1.group.mean }
        seeds = parts.map(\.group.count).min() ?? 0
        guard let variance else {
            (self.variance, degrees) = (nil, 0)
            return
        }
        var (sum, welch) = (0.0, 0.0)
        for part in parts {
            let own = variance.posterior(part.group)
            let share = part.weight * part.weight * own.variance / Double(part.group.count)
            sum += share
            welch += share * share / own.degrees
        }
        self.variance = sum
        // Where all share one variance, its degrees are those of the sum; else Welch and Satterthwaite's.
        let isCommon = !variance.priorDegrees.isFinite || welch == 0
        degrees = isCommon ? variance.pooledDegrees : min(sum * sum / welch, variance.pooledDegrees)
    }

    /// The sum of contrasts of other groups.
    package init(sumOf contrasts: [Contrast]) {
        value = contrasts.reduce(0) { $0 + $1.value }
        seeds = contrasts.map(\.seeds).min() ?? 0
        let known = contrasts.compactMap { one in one.variance.map { (variance: $0, degrees: one.degrees) } }
        guard known.count == contrasts.count, !known.isEmpty else {
            (variance, degrees) = (nil, 0)
            return
        }
        let sum = known.reduce(0) { $0 + $1.variance }
        variance = sum
        let welch = known.reduce(0) { $0 + $1.variance * $1.variance / $1.degrees }
        degrees = welch > 0 ? sum * sum / welch : known.map(\.degrees).reduce(0, +)
    }

    /// With its t interval.
    package func estimate(
        confidence: Double = Estimate.confidence, quantiles: QuantileTable = QuantileTable()
    ) -> Estimate {
        guard let variance else { return Estimate(value: value, seeds: seeds) }
        let half = variance > 0 ? quantiles.student((1 + confidence) / 2, degrees: degrees) * variance.squareRoot() : 0
        return Estimate(value: value, low: value - half, high: value + half, seeds: seeds)
    }
}

extension Estimate {
    /// Whether the interval says which side of 0 the truth lies on: 1 above, -1 below, 0 where it holds 0 or
    /// is not known.
    package var sign: Int {
        guard let low, let high else { return 0 }
        return low > 0 ? 1 : high < 0 ? -1 : 0
    }
}
