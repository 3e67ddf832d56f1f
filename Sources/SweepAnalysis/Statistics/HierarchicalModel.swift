import Foundation

/// Which of several configurations is truly best, given what seeds showed.
///
/// True values are normal around a common mean with an unknown spread; so the model learns from the sweep how
/// much of the differences is chance, and draws extreme values back. That corrects for the winner's curse:
/// the best of many looks better than it is. Every configuration has its own variance between seeds, which
/// varies around that of the sweep as in `ModeratedVariance`; but here neither the sweep's variance nor its
/// prior degrees are estimates. They are drawn with everything else, so a configuration whose few seeds
/// agree by chance, and whose mean is extreme, is allowed a larger variance.
///
/// Priors: uniform for the common mean and for the logarithm of the sweep's variance; each of
/// `priorSpreads` equally likely; for the deviation τ between configurations a half-Cauchy of three pooled
/// deviations of a seed (Gelman, Bayesian Analysis 1, 2006): hardly falling where τ is likely to be, and so
/// slowly behind it that clear differences are believed.
package struct HierarchicalModel: Sendable {
    /// The chance that a configuration has the highest true value, in the order of the groups.
    package var bestProbabilities: [Double]
    /// Expected true values.
    package var shrunken: [Double]

    /// Prior degrees of a configuration's variance, from very unequal spreads to equal ones.
    private static let priorSpreads = [2.0, 4, 8, .infinity]

    /// The error of a chance is about 1 % at most up to a hundred configurations; of thousands an answer must
    /// not take long.
    package static func standardDraws(configurations: Int) -> Int {
        min(max(300_000 / max(configurations, 1), 600), 8000)
    }

    /// - Parameters:
    ///   - groups: values of which higher ones are better.
    ///   - areSpreadsEqual: one variance for all; so it is taken where fewer than three groups have a spread.
    ///   - draws: of a fixed stream, so the same data gives the same numbers.
    package init(_ groups: [SeedGroup], areSpreadsEqual: Bool = false, draws: Int? = nil) {
        let pooled = ModeratedVariance(groups)?.pooledVariance ?? 0
        guard groups.count > 1, pooled > 0 else {
            let means = groups.map(\.mean)
            let top = means.max() ?? 0
            let share = 1 / Double(max(means.count { $0 == top }, 1))
            (bestProbabilities, shrunken) = (means.map { $0 == top ? share : 0 }, means)
            return
        }
        let isCommon = areSpreadsEqual || groups.count { $0.degrees > 0 && $0.count > 1 } < 3
        let center = groups.reduce(0) { $0 + $1.mean } / Double(groups.count)
        let unit = pooled.squareRoot()
        var chain = PosteriorChain(
            groups, center: center, unit: unit, priorDegrees: isCommon ? [.infinity] : Self.priorSpreads)
        let draws = draws ?? Self.standardDraws(configurations: groups.count)
        for _ in 0..<(draws / 10) { chain.advance() }
        var wins = [Double](repeating: 0, count: groups.count)
        var sums = wins
        for _ in 0..<draws {
            chain.advance()
            var leader = 0
            for index in groups.indices {
                sums[index] += chain.expected[index]
                if chain.values[index] > chain.values[leader] { leader = index }
            }
            wins[leader] += 1
        }
        bestProbabilities = wins.map { $0 / Double(draws) }
        shrunken = sums.map { center + unit * $0 / Double(draws) }
    }
}
