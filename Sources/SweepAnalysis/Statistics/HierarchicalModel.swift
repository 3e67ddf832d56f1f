import Foundation

/// Which of several configurations is truly best, given what seeds showed.
///
/// True values are normal around a common mean with an unknown spread; so the model learns from the sweep how
/// much of the differences is chance, and draws extreme values back. That corrects for the winner's curse:
/// the best of many looks better than it is. The common mean is integrated out. The standard deviation
/// between configurations has a uniform prior, or a half-Cauchy one of the size of the means' errors where
/// there are fewer than five (Gelman, Bayesian Analysis 1, 2006), on a grid. The variances between seeds
/// have their posterior under each of `ModeratedVariance.possible`, on its quantiles (a Latin hypercube
/// where configurations differ). The chances come from draws of a fixed stream: the same data gives the same
/// numbers.
package struct HierarchicalModel: Sendable {
    /// The chance that a configuration has the highest true value, in the order of the groups.
    package var bestProbabilities: [Double]
    /// Expected true values.
    package var shrunken: [Double]

    /// How finely it is computed.
    package struct Resolution: Sendable {
        package var variances: Int
        package var shrinkages: Int
        package var draws: Int

        package init(variances: Int, shrinkages: Int, draws: Int) {
            self.variances = variances
            self.shrinkages = shrinkages
            self.draws = draws
        }

        /// The error of a chance is below 1 % where there are up to a hundred configurations; of thousands an
        /// answer must not take long.
        package static func standard(configurations: Int) -> Resolution {
            let isLarge = configurations > 200
            return Resolution(
                variances: isLarge ? 40 : 64, shrinkages: isLarge ? 12 : 32,
                draws: min(max(800_000 / max(configurations, 1), 1000), 8000))
        }
    }

    /// Fewer configurations do not bound a uniform prior of their spread.
    private static let leastForUniform = 5

    private struct Node {
        let variances: Int
        /// Variance between configurations.
        let between: Double
        var weight: Double
    }

    /// Possible variances of the means, and the logarithm of their weight.
    private struct Row {
        let variances: [Double]
        let logWeight: Double
    }

    /// - Parameter groups: values of which higher ones are better; at least one with several.
    package init(_ groups: [SeedGroup], _ resolution: Resolution? = nil) {
        self.init(groups, ModeratedVariance.possible(groups), resolution)
    }

    /// With given beliefs about the variances.
    package init(
        _ groups: [SeedGroup], _ possible: [(variance: ModeratedVariance, logWeight: Double)],
        _ resolution: Resolution? = nil
    ) {
        let resolution = resolution ?? .standard(configurations: groups.count)
        let means = groups.map(\.mean)
        guard groups.count > 1, possible.contains(where: { $0.variance.pooledVariance > 0 }) else {
            let top = means.max() ?? 0
            let share = 1 / Double(max(means.count { $0 == top }, 1))
            (bestProbabilities, shrunken) = (means.map { $0 == top ? share : 0 }, means)
            return
        }
        var stream = CounterStream(UInt64(groups.count))
        let each = max(resolution.variances / possible.count, 8)
        var drawn: [Row] = []
        for (variance, logWeight) in possible {
            drawn += Self.variancesOfMeans(groups, variance, each, &stream).map {
                Row(variances: $0, logWeight: logWeight)
            }
        }
        let nodes = Self.nodes(means, drawn, resolution.shrinkages)
        (bestProbabilities, shrunken) = Self.sample(means, drawn, nodes, resolution.draws, &stream)
    }

    /// Possible variances of the configurations' means, a row each.
    private static func variancesOfMeans(
        _ groups: [SeedGroup], _ variance: ModeratedVariance, _ count: Int, _ stream: inout CounterStream
    ) -> [[Double]] {
        var quantiles: [Double: [Double]] = [:]
        func chiSquares(_ degrees: Double) -> [Double] {
            if let known = quantiles[degrees] { return known }
            let values = (0..<count).map {
                ChiSquareDistribution.quantile((Double($0) + 0.5) / Double(count), degrees: degrees)
            }
            quantiles[degrees] = values
            return values
        }
        let isCommon = !variance.priorDegrees.isFinite
        let columns = groups.map { group -> [Double] in
            let (center, degrees) = variance.posterior(group)
            let values = chiSquares(degrees).map { degrees * center / $0 / Double(group.count) }
            return isCommon ? values : stream.permutation(count).map { values[$0] }
        }
        return (0..<count).map { row in columns.map { $0[row] } }
    }

    /// Every pair of variances and spread between configurations, with its posterior weight.
    private static func nodes(_ means: [Double], _ drawn: [Row], _ count: Int) -> [Node] {
        var nodes: [Node] = []
        var logarithms: [Double] = []
        for (place, row) in drawn.enumerated() {
            let variances = row.variances
            let typical = variances.reduce(0, +) / Double(variances.count)
            for index in 0..<count {
                // Finer near 0, where configurations differ much more than seeds.
                let root = (Double(index) + 0.5) / Double(count)
                let shrinkage = root * root
                let between = typical * (1 - shrinkage) / shrinkage
                nodes.append(Node(variances: place, between: between, weight: 0))
                // Densities of the shrinkage's root: that of a half-Cauchy is 1 / √(1 - shrinkage), that of
                // a uniform deviation has the shrinkage itself below it.
                let uniform = means.count < leastForUniform ? 0 : -2 * log(root)
                let prior = row.logWeight - 0.5 * log(1 - shrinkage) + uniform
                logarithms.append(prior + logLikelihood(means, variances, between))
            }
        }
        let highest = logarithms.max() ?? 0
        for index in nodes.indices { nodes[index].weight = exp(logarithms[index] - highest) }
        let sum = nodes.reduce(0) { $0 + $1.weight }
        for index in nodes.indices { nodes[index].weight /= sum }
        return nodes
    }

    /// Of the means, with their common mean integrated out.
    private static func logLikelihood(_ means: [Double], _ variances: [Double], _ between: Double) -> Double {
        var (weights, weighted, product) = (0.0, 0.0, 1.0)
        var logarithm = 0.0
        for (mean, variance) in zip(means, variances) {
            let weight = 1 / (variance + between)
            weights += weight
            weighted += weight * mean
            // One logarithm for many factors.
            product *= weight
            if product < 1e-200 || product > 1e200 {
                logarithm += log(product)
                product = 1
            }
        }
        let common = weighted / weights
        var squares = 0.0
        for (mean, variance) in zip(means, variances) {
            squares += (mean - common) * (mean - common) / (variance + between)
        }
        return 0.5 * (logarithm + log(product) - log(weights) - squares)
    }

    private static func sample(
        _ means: [Double], _ drawn: [Row], _ nodes: [Node], _ count: Int, _ stream: inout CounterStream
    ) -> (best: [Double], shrunken: [Double]) {
        var best = [Double](repeating: 0, count: means.count)
        var shrunken = best
        // Systematic resampling: every node gets its share of the draws, but for one.
        var reached = stream.unit() / Double(count)
        for node in nodes {
            reached += node.weight
            var draws = Int((reached * Double(count)).rounded(.down))
            reached -= Double(draws) / Double(count)
            let variances = drawn[node.variances].variances
            let weights = variances.map { 1 / ($0 + node.between) }
            let total = weights.reduce(0, +)
            let common = zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 } / total
            // The share of a configuration's own mean in its expected value, and the spread that is left.
            let shares = weights.map { $0 * node.between }
            for index in means.indices {
                shrunken[index] += node.weight * (common + shares[index] * (means[index] - common))
            }
            guard draws > 0 else { continue }
            let spreads = zip(variances, shares).map { ($0 * $1).squareRoot() }
            while draws > 0 {
                draws -= 1
                let center = common + stream.normal() / total.squareRoot()
                var (leader, highest) = (0, -Double.infinity)
                for index in means.indices {
                    let value = center + shares[index] * (means[index] - center) + spreads[index] * stream.normal()
                    if value > highest { (leader, highest) = (index, value) }
                }
                best[leader] += 1
            }
        }
        let drawn = best.reduce(0, +)
        return (best.map { $0 / max(drawn, 1) }, shrunken)
    }
}
