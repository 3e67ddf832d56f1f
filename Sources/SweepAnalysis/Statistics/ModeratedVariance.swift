import Foundation

/// Values of one configuration, one a seed, in few numbers.
package struct SeedGroup: Equatable, Sendable {
    package var mean: Double
    /// Sample variance (n - 1); 0 for one value.
    package var variance: Double
    package var count: Int
    /// Degrees of freedom of the variance.
    package var degrees: Double

    package init(mean: Double, variance: Double, count: Int, degrees: Double? = nil) {
        self.mean = mean
        self.variance = variance
        self.count = count
        self.degrees = degrees ?? Double(count - 1)
    }

    /// - Precondition: at least one value, all finite.
    package init(_ values: [Double]) {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.init(mean: mean, variance: values.count > 1 ? squares / Double(values.count - 1) : 0, count: values.count)
    }
}

/// The spread between seeds, shared between configurations: two or three seeds say little about their own
/// spread, all configurations together say much.
///
/// The empirical Bayes model of Smyth (Stat. Appl. Genet. Mol. Biol. 3, 2004), as in limma: variances of
/// configurations vary around `priorVariance` as an inverse chi-square with `priorDegrees`, which are
/// estimated from the spread of their logarithms. Where that spread does not exceed what equal variances
/// give (by a test at 5 %), all share the pooled variance, and intervals are those of the pooled t. The
/// test is ours: with a handful of configurations limma's estimate takes chance for differences, and its
/// intervals come out too narrow (`Tests/SweepAnalysisTests/CalibrationTests.swift`).
package struct ModeratedVariance: Equatable, Sendable {
    /// Infinite where all share one variance.
    package var priorDegrees: Double
    package var priorVariance: Double
    package var pooledVariance: Double
    package var pooledDegrees: Double

    /// - Returns: nil where no group has two values.
    package init?(_ groups: [SeedGroup]) {
        let known = groups.filter { $0.degrees > 0 && $0.count > 1 }
        guard !known.isEmpty else { return nil }
        let degrees = known.reduce(0) { $0 + $1.degrees }
        let pooled = known.reduce(0) { $0 + $1.degrees * $1.variance } / degrees
        self.init(pooled: pooled, degrees: degrees)
        guard pooled > 0, known.count > 2 else { return }
        let fit = Self.fit(variances: known.map(\.variance), degrees: known.map(\.degrees))
        guard fit.excess > fit.standardError * NormalDistribution.quantile(0.95) else { return }
        (priorDegrees, priorVariance) = (fit.priorDegrees, fit.priorVariance)
    }

    private init(pooled: Double, degrees: Double) {
        (priorDegrees, priorVariance) = (.infinity, pooled)
        (pooledVariance, pooledDegrees) = (pooled, degrees)
    }

    /// What the logarithms of the variances say.
    package struct Fit: Equatable, Sendable {
        /// Variance of the logarithms beyond what chance gives to equal variances.
        package var excess: Double
        /// Standard error of `excess` for equal variances.
        package var standardError: Double
        package var priorDegrees: Double
        package var priorVariance: Double
    }

    /// Section 6.2 of Smyth 2004: moments of the logarithms.
    ///
    /// - Precondition: at least two variances, not all 0.
    package static func fit(variances: [Double], degrees: [Double]) -> Fit {
        let sorted = variances.sorted()
        let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        // A variance of exactly 0 has no logarithm.
        let least = 1e-5 * (median > 0 ? median : sorted[sorted.count - 1])
        let centred = zip(variances, degrees).map { variance, degrees in
            log(max(variance, least)) - SpecialFunctions.digamma(degrees / 2) + log(degrees / 2)
        }
        let count = Double(centred.count)
        let mean = centred.reduce(0, +) / count
        let spread = centred.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        let chance = degrees.reduce(0) { $0 + SpecialFunctions.trigamma($1 / 2) } / count
        let fourth = degrees.reduce(0) { $0 + SpecialFunctions.pentagamma($1 / 2) } / count
        let excess = spread - chance
        let error = ((2 * chance * chance + fourth) / (count - 1)).squareRoot()
        guard excess > 0 else {
            return Fit(excess: excess, standardError: error, priorDegrees: .infinity, priorVariance: exp(mean))
        }
        let prior = 2 * SpecialFunctions.inverseTrigamma(excess)
        return Fit(
            excess: excess, standardError: error, priorDegrees: prior,
            priorVariance: exp(mean + SpecialFunctions.digamma(prior / 2) - log(prior / 2)))
    }

    /// The variance that counts for a configuration, and its degrees of freedom: at most those of all
    /// configurations together.
    package func posterior(_ group: SeedGroup) -> (variance: Double, degrees: Double) {
        guard priorDegrees.isFinite else { return (pooledVariance, pooledDegrees) }
        let own = group.count > 1 ? group.degrees : 0
        let variance = (priorDegrees * priorVariance + own * group.variance) / (priorDegrees + own)
        return (variance, min(priorDegrees + own, pooledDegrees))
    }

    /// The interval of a configuration's mean.
    package func estimate(
        _ group: SeedGroup, confidence: Double = Estimate.confidence, quantiles: QuantileTable = QuantileTable()
    ) -> Estimate {
        let (variance, degrees) = posterior(group)
        let half =
            quantiles.student((1 + confidence) / 2, degrees: degrees) * (variance / Double(group.count)).squareRoot()
        return Estimate(
            value: group.mean, low: group.mean - half, high: group.mean + half,
            deviation: group.count > 1 ? group.variance.squareRoot() : nil, seeds: group.count)
    }

    /// Half of the width of the interval of a difference of two means (Welch's degrees of freedom where
    /// variances differ).
    package func halfWidthOfDifference(
        _ a: SeedGroup, _ b: SeedGroup, confidence: Double = Estimate.confidence,
        quantiles: QuantileTable = QuantileTable()
    ) -> Double {
        let (deviation, degrees) = deviationOfDifference(a, b)
        return deviation == 0 ? 0 : quantiles.student((1 + confidence) / 2, degrees: degrees) * deviation
    }

    /// Whether 0 lies in the interval of a difference of two means, ends included. Nearly every pair is told
    /// by quantiles that many share: Student's fall with the degrees of freedom, from that of fewer down to
    /// the normal one.
    package func coversNoDifference(
        _ a: SeedGroup, _ b: SeedGroup, confidence: Double = Estimate.confidence,
        quantiles: QuantileTable = QuantileTable()
    ) -> Bool {
        let difference = abs(a.mean - b.mean)
        let (deviation, degrees) = deviationOfDifference(a, b)
        guard deviation > 0 else { return difference <= 0 }
        let p = (1 + confidence) / 2
        if difference <= quantiles.student(p, degrees: .infinity) * deviation { return true }
        let fewer = degrees.rounded(.down)
        if fewer >= 1, difference > quantiles.student(p, degrees: fewer) * deviation { return false }
        return difference <= quantiles.student(p, degrees: degrees) * deviation
    }

    private func deviationOfDifference(_ a: SeedGroup, _ b: SeedGroup) -> (deviation: Double, degrees: Double) {
        let (first, second) = (posterior(a), posterior(b))
        let parts = (first.variance / Double(a.count), second.variance / Double(b.count))
        let sum = parts.0 + parts.1
        guard sum > 0 else { return (0, pooledDegrees) }
        var degrees = pooledDegrees
        if priorDegrees.isFinite {
            let welch = sum * sum / (parts.0 * parts.0 / first.degrees + parts.1 * parts.1 / second.degrees)
            degrees = min(welch, pooledDegrees)
        }
        return (sum.squareRoot(), degrees)
    }
}

/// t quantiles, each computed once: a table of many rows needs few of them.
package final class QuantileTable {
    private struct Key: Hashable {
        let p: Double
        let degrees: Double
    }
    private var known: [Key: Double] = [:]

    package init() {}

    package func student(_ p: Double, degrees: Double) -> Double {
        let key = Key(p: p, degrees: degrees)
        if let value = known[key] { return value }
        let value = StudentDistribution.quantile(p, degrees: degrees)
        known[key] = value
        return value
    }
}
