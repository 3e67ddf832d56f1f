import Foundation

/// Draws from the posterior of `HierarchicalModel`: a Gibbs sampler (Gelfand and Smith, J. Am. Stat. Assoc.
/// 85, 1990) of two blocks, each drawn at once so that draws hardly depend on the one before. The variances
/// are drawn given the true values, their prior degrees with them integrated out; then the spread between
/// configurations with the true values and their common mean integrated out, and these.
///
/// What is common to all is learnt from the first `fitted` configurations alone: of thousands a thousand say
/// it well enough. The others follow it.
///
/// Means are centred, and the pooled variance of a seed is 1.
struct PosteriorChain {
    /// A draw of the true values.
    private(set) var values: [Double]
    /// The true values expected under the drawn variances.
    private(set) var expected: [Double]

    /// Of the drawn ones, what other configurations need to follow.
    var common: Common {
        let between = between(rootOfShrinkage)
        var (total, weighted) = (0.0, 0.0)
        for index in 0..<fitted {
            let weight = 1 / (variances[index] + between)
            total += weight
            weighted += weight * means[index]
        }
        return Common(
            mean: weighted / total, precision: total, between: between, priorDegrees: priorDegrees[drawn], scale: scale)
    }

    /// What is common to all configurations.
    struct Common {
        /// The mean of the true values, expected under the drawn variances.
        var mean: Double
        /// Of that mean.
        var precision: Double
        /// The variance between true values.
        var between: Double
        var priorDegrees: Double
        /// The variance of a seed in the whole sweep.
        var scale: Double
    }

    private let fitted: Int
    private let means: [Double]
    /// Seeds of each.
    private let counts: [Double]
    /// Squared deviations of the seeds from their mean.
    private let squares: [Double]
    /// Degrees of freedom of the deviations from a true value.
    private let degrees: [Double]
    /// Their sum over the fitted ones.
    private let fittedDegrees: Double
    private let priorDegrees: [Double]
    /// For each of the prior degrees, what of the likelihood depends on nothing else.
    private let constants: [Double]
    /// For each of the prior degrees, the scale that gives the logarithm of a variance the expectation 0.
    private let middles: [Double]
    /// The variance of a mean where that of a seed is 1, averaged.
    private let typical: Double

    /// Of the means.
    private var variances: [Double]
    /// The variance of a seed in the whole sweep.
    private var scale = 1.0
    /// The place of the drawn prior degrees.
    private var drawn = 0
    /// Shrinkage is the share of `typical` in its sum with the variance between configurations; its root has
    /// room near 0, where configurations differ much more than seeds.
    private var rootOfShrinkage = 0.5
    private var stream: CounterStream

    /// - Parameter fitted: so many groups, the first ones, say what is common; nil for all.
    init(_ groups: [SeedGroup], fitted: Int? = nil, center: Double, unit: Double, priorDegrees: [Double]) {
        let fitted = fitted ?? groups.count
        self.fitted = fitted
        means = groups.map { ($0.mean - center) / unit }
        counts = groups.map { Double($0.count) }
        // Seeds that agree exactly were rounded.
        squares = groups.map { $0.degrees * max($0.variance / (unit * unit), 1e-5) }
        degrees = groups.map { $0.degrees + 1 }
        let degrees = degrees.prefix(fitted)
        let sum = degrees.reduce(0, +)
        fittedDegrees = sum
        self.priorDegrees = priorDegrees
        constants = priorDegrees.map { prior in
            guard prior.isFinite else { return -0.5 * log(2) * sum }
            return degrees.reduce(0) {
                $0 + SpecialFunctions.logGamma((prior + $1) / 2) - SpecialFunctions.logGamma(prior / 2)
                    + prior / 2 * log(prior)
            }
        }
        middles = priorDegrees.map { prior in
            prior.isFinite ? exp(SpecialFunctions.digamma(prior / 2) - log(prior / 2)) : 1
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
        let choice = stream.place(logWeights: logWeights(deviations))
        let prior = priorDegrees[choice]
        scale *= middles[choice] / middles[drawn]
        drawn = choice
        guard prior.isFinite else {
            moveScale(to: deviations.prefix(fitted).reduce(0, +) / stream.chiSquare(degrees: fittedDegrees))
            for index in means.indices { variances[index] = scale / counts[index] }
            return
        }
        var precision = 0.0
        for index in means.indices {
            let chance = stream.chiSquare(degrees: prior + degrees[index])
            let variance = (prior * scale + deviations[index]) / chance
            if index < fitted { precision += 1 / variance }
            variances[index] = variance / counts[index]
        }
        moveScale(to: stream.chiSquare(degrees: prior * Double(fitted)) / (prior * precision))
    }

    /// Takes a scale that was drawn from what the variances say, as often as the prior of the shrinkage,
    /// which is relative to the scale, lets it (Metropolis and Hastings).
    private mutating func moveScale(to drawn: Double) {
        let between = between(rootOfShrinkage)
        if log(stream.unit()) < logPrior(between, scale: drawn) - logPrior(between, scale: scale) { scale = drawn }
    }

    /// Of a variance between configurations: uniform shrinkage of one seed.
    private func logPrior(_ between: Double, scale: Double) -> Double { log(scale) - 2 * log(scale + between) }

    /// Of the prior degrees, when the logarithm of a variance keeps its expectation: the likelihood of the
    /// deviations, a scaled F distribution each.
    private func logWeights(_ deviations: [Double]) -> [Double] {
        guard priorDegrees.count > 1 else { return [0] }
        let between = between(rootOfShrinkage)
        return priorDegrees.indices.map { place in
            let prior = priorDegrees[place]
            let scale = scale * middles[place] / middles[drawn]
            var sum = constants[place] + logPrior(between, scale: scale)
            guard prior.isFinite else {
                return sum - 0.5 * (fittedDegrees * log(scale) + deviations.prefix(fitted).reduce(0, +) / scale)
            }
            sum += prior / 2 * Double(fitted) * log(scale)
            // One logarithm for many factors of the same degrees.
            var (product, shared) = (1.0, degrees[0])
            for index in 0..<fitted {
                let factor = prior * scale + deviations[index]
                if degrees[index] == shared, product > 1e-200, product < 1e200 {
                    product *= factor
                } else {
                    sum -= (prior + shared) / 2 * log(product)
                    (product, shared) = (factor, degrees[index])
                }
            }
            return sum - (prior + shared) / 2 * log(product)
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
        for index in 0..<fitted {
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
        // That the share of `scale` in its sum with the variance between configurations is uniform, as a
        // density of the root.
        let square = root * root
        let prior = log(root) - 2 * log(scale * square + typical * (1 - square))
        return prior + 0.5 * (logarithm + log(product) - log(total) - squared + weighted * weighted / total)
    }

    // MARK: True values

    private mutating func drawValues() {
        let common = common
        let center = common.mean + stream.normal() / common.precision.squareRoot()
        for index in means.indices {
            let share = common.between / (variances[index] + common.between)
            let spread = (variances[index] * share).squareRoot()
            expected[index] = common.mean + share * (means[index] - common.mean)
            values[index] = center + share * (means[index] - center) + spread * stream.normal()
        }
    }
}
