import Foundation

/// Turns values of criteria into one score: the scale of a sweep.
///
/// A criterion's desirability is 1 at the best configuration's mean and 0.1 at the worst's, and straight
/// between. All that compete lie on the scale and nothing is cut, so that a better value always scores
/// higher. Where configurations differ less than four standard deviations between seeds, the scale is that
/// wide: noise is not made large.
struct DesirabilityScale {
    struct Axis {
        let criterion: Criterion
        /// Share of all weights.
        let share: Double
        let best: Double
        /// Length from 1 down to 0.1; 0 where all values are the same.
        let range: Double
    }

    let axes: [Axis]

    static let lowest = 0.1
    /// So many standard deviations between seeds are the least width of a scale.
    static let leastDeviations = 4.0

    init(_ rule: DecisionRule, _ candidates: [Candidate]) {
        let total = rule.criteria.reduce(0) { $0 + $1.weight }
        let finite = candidates.filter(\.isFinite)
        axes = rule.criteria.enumerated().map { index, criterion in
            let groups = finite.map { SeedGroup($0.values[index]) }
            let means = groups.map { criterion.upwards($0.mean) }
            let (best, worst) = (means.max() ?? 0, means.min() ?? 0)
            let deviation = (ModeratedVariance(groups)?.pooledVariance ?? 0).squareRoot()
            return Axis(
                criterion: criterion, share: criterion.weight / total, best: criterion.upwards(best),
                range: max(best - worst, Self.leastDeviations * deviation))
        }
    }

    /// Desirability, and its slope by the value.
    private func desirability(_ value: Double, _ axis: Axis) -> (value: Double, slope: Double) {
        guard axis.range > 0 else { return (1, 0) }
        let sign = axis.criterion.lowerIsBetter ? -1.0 : 1.0
        let slope = sign * (1 - Self.lowest) / axis.range
        return (1 + slope * (value - axis.best), slope)
    }

    /// The score of one set of values, one per criterion.
    func score(_ values: [Double]) -> Double {
        var logarithm = 0.0
        for (value, axis) in zip(values, axes) { logarithm += axis.share * log(desirability(value, axis).value) }
        return exp(logarithm)
    }

    /// Scores of a candidate's jobs, in a straight line around the score of its means (delta method): so
    /// their mean is exactly that score, and a configuration that is better in all means scores higher.
    func scores(_ candidate: Candidate) -> [Double] {
        let means = candidate.means
        let center = score(means)
        var scores = [Double](repeating: center, count: candidate.jobs.count)
        for (index, axis) in axes.enumerated() {
            let (value, slope) = desirability(means[index], axis)
            let factor = center * axis.share * slope / value
            for job in scores.indices { scores[job] += factor * (candidate.values[index][job] - means[index]) }
        }
        return scores
    }
}
