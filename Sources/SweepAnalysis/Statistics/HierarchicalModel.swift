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
/// Priors: uniform for the common mean and for the logarithm of the sweep's variance σ²; each of
/// `priorSpreads` equally likely; for the variance τ² between configurations that the shrinkage of a single
/// seed, σ²/(σ² + τ²), is uniform between 0 and 1 (Daniels, Canadian Journal of Statistics 27, 1999): τ is as
/// likely above σ as below it, and clear differences are believed.
///
/// Of many configurations, `manyFitted` evenly over the ranks say what is common to all, and only the
/// `manyFollowed` highest means can be the best. So an answer about 50,000 takes no longer than one about
/// some thousands.
package struct HierarchicalModel: Sendable {
    /// The chance that a configuration has the highest true value, in the order of the groups.
    package var bestProbabilities: [Double]
    /// Expected true values.
    package var shrunken: [Double]

    /// Prior degrees of a configuration's variance, from very unequal spreads to equal ones.
    private static let priorSpreads = [2.0, 4, 8, .infinity]

    /// From more configurations than this, a part of them is enough.
    private static let many = 2000
    private static let manyFitted = 1000
    private static let manyFollowed = 500

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
        let part = Self.part(of: groups)
        var chain = PosteriorChain(
            part.places.map { groups[$0] }, fitted: part.fitted, center: center, unit: unit,
            priorDegrees: isCommon ? [.infinity] : Self.priorSpreads)
        let draws = draws ?? Self.standardDraws(configurations: groups.count)
        for _ in 0..<(draws / 10) { chain.advance() }
        var wins = [Double](repeating: 0, count: part.places.count)
        var sums = wins
        var commons: [PosteriorChain.Common] = []
        for draw in 0..<draws {
            chain.advance()
            var leader = part.contenders[0]
            for index in wins.indices { sums[index] += chain.expected[index] }
            for index in part.contenders where chain.values[index] > chain.values[leader] { leader = index }
            wins[leader] += 1
            if part.places.count < groups.count, draw % 10 == 0 { commons.append(chain.common) }
        }
        bestProbabilities = Array(repeating: 0, count: groups.count)
        shrunken = bestProbabilities
        for (index, place) in part.places.enumerated() {
            bestProbabilities[place] = wins[index] / Double(draws)
            shrunken[place] = center + unit * sums[index] / Double(draws)
        }
        guard part.places.count < groups.count else { return }
        let known = Set(part.places)
        for place in groups.indices where !known.contains(place) {
            let group = groups[place]
            shrunken[place] = center + unit * Self.expected(group, (group.mean - center) / unit, unit, commons)
        }
    }

    /// Which groups the chain draws.
    private struct Part {
        /// Those who say what is common come first.
        var places: [Int]
        var fitted: Int
        /// Places in `places` of those who can be the best.
        var contenders: [Int]
    }

    private static func part(of groups: [SeedGroup]) -> Part {
        guard groups.count > many else {
            let all = Array(groups.indices)
            return Part(places: all, fitted: all.count, contenders: all)
        }
        let ranks = groups.indices.sorted { (groups[$0].mean, $1) > (groups[$1].mean, $0) }
        var places = (0..<manyFitted).map { ranks[(2 * $0 + 1) * groups.count / (2 * manyFitted)] }
        let fitted = Dictionary(uniqueKeysWithValues: places.enumerated().map { ($0.element, $0.offset) })
        let contenders = ranks.prefix(manyFollowed).map { place -> Int in
            if let index = fitted[place] { return index }
            places.append(place)
            return places.count - 1
        }
        return Part(places: places, fitted: manyFitted, contenders: contenders)
    }

    /// The true value to expect of a group that the chain does not draw, in the chain's units.
    private static func expected(
        _ group: SeedGroup, _ mean: Double, _ unit: Double, _ commons: [PosteriorChain.Common]
    ) -> Double {
        let squares = group.degrees * group.variance / (unit * unit)
        let sum = commons.reduce(0) { sum, common in
            let variance =
                common.priorDegrees.isFinite
                ? (common.priorDegrees * common.scale + squares) / (common.priorDegrees + group.degrees) : common.scale
            let share = common.between / (variance / Double(group.count) + common.between)
            return sum + common.mean + share * (mean - common.mean)
        }
        return sum / Double(commons.count)
    }
}
