import Foundation

/// Draws from the posterior of `HierarchicalModel`: a Gibbs sampler (Gelfand and Smith, J. Am. Stat. Assoc.
/// 85, 1990) of two blocks, each drawn at once so that draws hardly depend on the one before. The variances
/// are drawn given the true values, their prior degrees with them integrated out; then the spread between
/// configurations with the true values and their common mean integrated out, and these.
///
/// Means are centred, and the pooled variance of a seed is 1.
struct PosteriorChain {
    /// A draw of the true values.
    private(set) var values: [Double]
    /// The true values expected under the drawn variances.
    private(set) var expected: [Double]

    private let means: [Double]
    /// Seeds of each.
    private let counts: [Double]
    /// Squared deviations of the seeds from their mean.
    private let squares: [Double]
    /// Degrees of freedom of the deviations from a true value.
    private let degrees: [Double]
    private let priorDegrees: [Double]
    /// For each of the prior degrees, what of the likelihood depends on nothing else.
    private let constants: [Double]
    /// The variance of a mean where that of a seed is 1, averaged.
    private let typical: Double

    /// Of the means.
    private var variances: [Double]
    /// The variance of a seed in the whole sweep.
    private var scale = 1.0
    /// Shrinkage is the share of `typical` in its sum with the variance between configurations; its root has
    /// room near 0, where configurations differ much more than seeds.
    private var rootOfShrinkage = 0.5
    private var stream: CounterStream

    init(_ groups: [SeedGroup], center: Double, unit: Double, priorDegrees: [Double]) {
        means = groups.map { ($0.mean - center) / unit }
        counts = groups.map { Double($0.count) }
        // Seeds that agree exactly were rounded.
        squares = groups.map { $0.degrees * max($0.variance / (unit * unit), 1e-5) }
        let degrees = groups.map { $0.degrees + 1 }
        self.degrees = degrees
        self.priorDegrees = priorDegrees
        constants = priorDegrees.map { prior in
            guard prior.isFinite else { return -0.5 * log(2) * degrees.reduce(0, +) }
            return degrees.reduce(0) {
                $0 + SpecialFunctions.logGamma((prior + $1) / 2) - SpecialFunctions.logGamma(prior / 2)
                    + prior / 2 * log(prior)
            }
        }
        typical = counts.reduce(0) { $0 + 1 / $1 } / Double(counts.count)
        (values, expected, variances) = (means, means, counts.map { 1 / $0 })
        stream = CounterStream(UInt64(groups.count))
    }

    mutating func advance() {
        drawVariances()
        drawRootOfShrinkage()
        drawValues()
    }

    // MARK: Variances

    private mutating func drawVariances() {
        let deviations = means.indices.map { index in
            let error = means[index] - values[index]
            return squares[index] + counts[index] * error * error
        }
        let prior = priorDegrees[stream.place(logWeights: logWeights(deviations))]
        guard prior.isFinite else {
            scale = deviations.reduce(0, +) / stream.chiSquare(degrees: degrees.reduce(0, +))
            for index in means.indices { variances[index] = scale / counts[index] }
            return
        }
        var precision = 0.0
        for index in means.indices {
            let chance = stream.chiSquare(degrees: prior + degrees[index])
            let variance = (prior * scale + deviations[index]) / chance
            precision += 1 / variance
            variances[index] = variance / counts[index]
        }
        scale = stream.chiSquare(degrees: prior * Double(means.count)) / (prior * precision)
    }

    /// Of the prior degrees: the likelihood of the deviations, a scaled F distribution each.
    private func logWeights(_ deviations: [Double]) -> [Double] {
        guard priorDegrees.count > 1 else { return [0] }
        return zip(priorDegrees, constants).map { prior, constant in
            guard prior.isFinite else {
                return constant - 0.5 * (degrees.reduce(0, +) * log(scale) + deviations.reduce(0, +) / scale)
            }
            var sum = constant + prior / 2 * Double(means.count) * log(scale)
            for index in means.indices {
                sum -= (prior + degrees[index]) / 2 * log(prior * scale + deviations[index])
            }
            return sum
        }
    }

    // MARK: Spread between configurations

    /// Slice sampling (Neal, Annals of Statistics 31, 2003) between 0 and 1.
    private mutating func drawRootOfShrinkage() {
        let level = logDensity(rootOfShrinkage) + log(stream.unit())
        var (low, high) = (0.0, 1.0)
        while true {
            let root = low + (high - low) * stream.unit()
            if logDensity(root) >= level || root == rootOfShrinkage {
                rootOfShrinkage = root
                return
            }
            if root < rootOfShrinkage { low = root } else { high = root }
        }
    }

    private func between(_ root: Double) -> Double { typical * (1 - root * root) / (root * root) }

    /// Of the root of the shrinkage, given the variances: its prior and the likelihood of the means, with
    /// their common mean integrated out.
    private func logDensity(_ root: Double) -> Double {
        let between = between(root)
        var (total, weighted, squared, product, logarithm) = (0.0, 0.0, 0.0, 1.0, 0.0)
        for index in means.indices {
            let weight = 1 / (variances[index] + between)
            let part = weight * means[index]
            total += weight
            weighted += part
            squared += part * means[index]
            // One logarithm for many factors.
            product *= weight
            if product < 1e-200 || product > 1e200 {
                logarithm += log(product)
                product = 1
            }
        }
        // A half-Cauchy of the deviation between configurations, three times that of a seed, as a density of
        // the root.
        let rest = max(1 - root * root, 1e-12)
        let prior = -log(9 * root * root + typical * rest) - 0.5 * log(rest)
        return prior + 0.5 * (logarithm + log(product) - log(total) - squared + weighted * weighted / total)
    }

    // MARK: True values

    private mutating func drawValues() {
        let between = between(rootOfShrinkage)
        var (total, weighted) = (0.0, 0.0)
        for index in means.indices {
            let weight = 1 / (variances[index] + between)
            total += weight
            weighted += weight * means[index]
        }
        let common = weighted / total
        let center = common + stream.normal() / total.squareRoot()
        for index in means.indices {
            let share = between / (variances[index] + between)
            let spread = (variances[index] * share).squareRoot()
            expected[index] = common + share * (means[index] - common)
            values[index] = center + share * (means[index] - center) + spread * stream.normal()
        }
    }
}
