import Foundation

/// Turns values of criteria into one score: the scale of a sweep.
///
/// A criterion's desirability is 1 at the best configuration's mean and 0.1 at the worst's, and straight
/// between. All that compete lie on the scale and nothing is cut, so that a better value always scores
/// higher. Where configurations differ less than four standard deviations between seeds, the scale is that
/// wide: noise is not made large.
struct DesirabilityScale: Equatable, Sendable {
    struct Axis: Equatable, Sendable {
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

    /// What the scale of a criterion is made of: the means of all that compete.
    struct Span {
        var least = Double.infinity
        var most = -Double.infinity
        /// Between seeds, pooled.
        var deviation = 0.0

        mutating func add(_ mean: Double) {
            least = min(least, mean)
            most = max(most, mean)
        }
    }

    init(_ rule: DecisionRule, _ candidates: [Candidate]) {
        let finite = candidates.filter(\.isFinite)
        self.init(
            rule,
            rule.criteria.indices.map { index in
                let groups = finite.map { SeedGroup($0.values[index]) }
                var span = Span()
                for group in groups { span.add(group.mean) }
                span.deviation = (ModeratedVariance(groups)?.pooledVariance ?? 0).squareRoot()
                return span
            })
    }

    /// - Parameter spans: one a criterion.
    init(_ rule: DecisionRule, _ spans: [Span]) {
        let total = rule.criteria.reduce(0) { $0 + $1.weight }
        axes = zip(rule.criteria, spans).map { criterion, span in
            let isEmpty = span.least > span.most
            let best = isEmpty ? 0 : criterion.lowerIsBetter ? span.least : span.most
            return Axis(
                criterion: criterion, share: criterion.weight / total, best: best,
                range: max(isEmpty ? 0 : span.most - span.least, Self.leastDeviations * span.deviation))
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

    /// What ranks a set of values: the score without the noise of its last digits, then how well the task was
    /// learnt. Faithful images weigh as much as the loss, and must not win the tie between the best of one
    /// and the worst of the other.
    func place(_ values: [Double], score: Double) -> (score: Double, learnt: Double) {
        let learnt = axes.firstIndex { $0.criterion.metric == "validation_loss" }
        return ((score * 1e12).rounded(), learnt.map { desirability(values[$0], axes[$0]).value } ?? 0)
    }

    /// Scores of a candidate's jobs, in a straight line around the score of its means (delta method): so
    /// their mean is exactly that score, and a configuration that is better in all means scores higher.
    func scores(_ candidate: Candidate) -> [Double] { scores(candidate.values) }

    /// - Parameter values: by criterion, then by job.
    func scores(_ values: [[Double]]) -> [Double] {
        let means = values.map { $0.reduce(0, +) / Double($0.count) }
        let center = score(means)
        var scores = [Double](repeating: center, count: values.first?.count ?? 0)
        for (index, axis) in axes.enumerated() {
            let (value, slope) = desirability(means[index], axis)
            let factor = center * axis.share * slope / value
            for job in scores.indices { scores[job] += factor * (values[index][job] - means[index]) }
        }
        return scores
    }
}
