import RunSpec
import SweepModel

extension SweepResultSet {
    /// The sweep's configurations by a rule, best first, with what can be said about them.
    ///
    /// - Parameters:
    ///   - rule: nil for what fits to what was measured.
    ///   - checkpoints: which checkpoint of a configuration competes; nil for the best one by the rule, or
    ///     the last value where only curves are read. `all` reads as `best`.
    package func answer(rule: DecisionRule? = nil, checkpoints: CheckpointChoice? = nil) -> SweepAnswer {
        AnswerMaker(self, rule ?? standardRule(), checkpoints).answer()
    }
}

/// Makes an answer, step by step: who competes, which checkpoint each sends, how they compare, what it means.
struct AnswerMaker {
    let set: SweepResultSet
    let rule: DecisionRule
    let place: SweepResultSet.CheckpointChoice
    let index: ResultIndex
    let field: CandidateField
    /// The checkpoint of each configuration, best score first.
    let chosen: [Scored]

    struct Scored {
        var candidate: Candidate
        var score: Double
        /// By job.
        var scores: [Double]
    }

    /// Pairs of rows are compared up to this many rows: lists of ties grow with the square.
    static let comparedRows = 200
    /// So many rows that are better in everything are named.
    static let namedDominators = 5

    init(_ set: SweepResultSet, _ rule: DecisionRule, _ checkpoints: SweepResultSet.CheckpointChoice?) {
        self.set = set
        self.rule = rule
        place = checkpoints ?? (rule.readsOnlyCurves ? .last : .best)
        index = ResultIndex(set)
        field = CandidateField(set, rule, index, place)
        let scale = set.beyond?.scale ?? DesirabilityScale(rule, field.byConfiguration.flatMap(\.candidates))
        let place = place
        let scored = field.byConfiguration.compactMap { _, candidates -> Scored? in
            let scored = candidates.map { candidate in
                candidate.isFinite
                    ? Scored(candidate: candidate, score: scale.score(candidate.means), scores: scale.scores(candidate))
                    : Scored(candidate: candidate, score: 0, scores: candidate.jobs.map { _ in 0 })
            }
            if case .last = place { return scored.last }
            return scored.max { ($0.score, -$0.candidate.step) < ($1.score, -$1.candidate.step) }
        }
        chosen = scored.map { ($0, scale.place($0.candidate.means, score: $0.score)) }.sorted { a, b in
            (a.1.score, a.1.learnt, b.0.candidate.configuration) > (b.1.score, b.1.learnt, a.0.candidate.configuration)
        }.map(\.0)
    }

    func answer() -> SweepAnswer {
        let finite = chosen.filter(\.candidate.isFinite)
        let groups = finite.map { SeedGroup($0.scores) } + (set.beyond?.groups ?? [])
        let variance = ModeratedVariance(groups)
        let comparison = variance.map { Comparison(finite, set.beyond, groups, $0) }
        let measured = rule.criteria.indices.map { estimates(of: $0, finite) }
        let varied = VariedParameters(set.jobs + set.sample)
        let quantiles = QuantileTable()
        var rows = chosen.enumerated().map { place, scored -> SweepAnswer.Row in
            let candidate = scored.candidate
            let isFinite = place < finite.count
            let group = isFinite ? groups[place] : SeedGroup(mean: 0, variance: 0, count: candidate.jobs.count)
            let checkpoint =
                rule.readsOnlyCurves ? nil : candidate.jobs.first.flatMap { index.checkpoint($0.id, candidate.step) }
            let first = candidate.jobs[0]
            let score =
                isFinite
                ? variance?.estimate(group, quantiles: quantiles)
                    ?? Estimate(value: group.mean, seeds: group.count) : Estimate(value: 0, seeds: group.count)
            return SweepAnswer.Row(
                rank: place + 1, configuration: candidate.configuration, group: first.group,
                label: varied.label(first), parameters: first.parameters, checkpoint: checkpoint?.name,
                epoch: checkpoint?.epoch ?? 0, step: candidate.step, seeds: candidate.jobs.map(\.seed),
                jobs: candidate.jobs.map(\.id), scores: isFinite ? scored.scores : [], score: score,
                shrunkenScore: isFinite ? comparison?.model.shrunken[place] : nil,
                criteria: isFinite ? measured.map { $0[place] } : Self.plain(candidate),
                bestProbability: comparison.map { isFinite ? $0.model.bestProbabilities[place] : 0 },
                tiedWith: isFinite ? comparison?.ties[place] ?? [] : [], dominatedBy: [], findings: [])
        }
        addDominators(to: &rows, finite: finite.count)
        let spread = SpreadReader(set, rule, index).spread(rows)
        FindingMaker(rule: rule, index: index).add(to: &rows)
        var answer = SweepAnswer(
            sweep: set.sweep, rule: rule, rows: rows, count: rows.count + (set.beyond?.scores.count ?? 0),
            isEstablished: comparison != nil && finite.count > 0,
            isPaired: comparison?.isPaired ?? false, spread: spread, words: [], warnings: warnings(), advice: nil)
        answer.advice = AdviceMaker(set, answer, comparison).advice()
        answer.words = AnswerWords(answer, index, place, confirmations: set.confirmations)
            .sentences()
        return answer
    }

    /// A criterion's means with their intervals, in the order of the rows.
    private func estimates(of criterion: Int, _ finite: [Scored]) -> [Estimate] {
        let groups = finite.map { SeedGroup($0.candidate.values[criterion]) }
        guard let variance = ModeratedVariance(groups + (set.beyond?.criteria[criterion] ?? [])) else {
            return groups.map { Estimate(value: $0.mean, seeds: $0.count) }
        }
        let quantiles = QuantileTable()
        return groups.map { variance.estimate($0, quantiles: quantiles) }
    }

    private static func plain(_ candidate: Candidate) -> [Estimate] {
        candidate.means.map { Estimate(value: $0, seeds: candidate.jobs.count) }
    }

    private func addDominators(to rows: inout [SweepAnswer.Row], finite: Int) {
        let values = rows.prefix(finite).map { row in
            zip(rule.criteria, row.criteria).map { $0.upwards($1.value) }
        }
        for place in rows.indices {
            guard place < finite else {
                rows[place].dominatedBy = Array(1...max(finite, 1)).prefix(finite).prefix(Self.namedDominators).map {
                    $0
                }
                continue
            }
            // Whoever is better in everything stands before it.
            for rival in 0..<place where Self.dominates(values[rival], values[place]) {
                rows[place].dominatedBy.append(rival + 1)
                if rows[place].dominatedBy.count == Self.namedDominators { break }
            }
        }
    }

    static func dominates(_ a: [Double], _ b: [Double]) -> Bool {
        var isBetter = false
        for (a, b) in zip(a, b) {
            if a < b { return false }
            if a > b { isBetter = true }
        }
        return isBetter
    }

    private func warnings() -> [String] {
        var warnings: [String] = []
        if field.withoutValues > 0, set.beyond == nil {
            let count = field.withoutValues
            warnings.append(
                "\(count) configuration\(count == 1 ? " has" : "s have") not all measures of the rule yet, and "
                    + "\(count == 1 ? "is" : "are") left out.")
        }
        if set.jobsElsewhere > 0, set.beyond != nil {
            let count = set.jobsElsewhere
            warnings.append(
                "\(count) job\(count == 1 ? " has" : "s have") not all measures of the rule yet, and "
                    + "\(count == 1 ? "is" : "are") left out.")
        } else if set.jobsElsewhere > 0 {
            let count = set.jobsElsewhere
            warnings.append(
                "\(count) job\(count == 1 ? "" : "s") of other configurations \(count == 1 ? "has" : "have") no values yet, "
                    + "and \(count == 1 ? "is" : "are") left out.")
        }
        if field.jobsLeftOut > 0, set.beyond == nil {
            let count = field.jobsLeftOut
            warnings.append(
                "\(count) job\(count == 1 ? " lacks" : "s lack") a measure that others of the same configuration have, "
                    + "and \(count == 1 ? "is" : "are") left out.")
        }
        let infinite = chosen.count { !$0.candidate.isFinite }
        if infinite > 0 {
            warnings.append(
                "\(infinite) configuration\(infinite == 1 ? "" : "s") diverged: a value is not finite. "
                    + "\(infinite == 1 ? "It stands" : "They stand") last, without an interval.")
        }
        var seeds = Set(chosen.map(\.candidate.jobs.count))
        if let beyond = set.beyond { seeds.formUnion([beyond.fewestSeeds, beyond.mostSeeds]) }
        if seeds.count > 1, let least = seeds.min(), let most = seeds.max() {
            warnings.append("Configurations have between \(least) and \(most) seeds; those with fewer are less sure.")
        }
        if rule.criteria.contains(where: { $0.metric.hasPrefix("squared_centroid_distance") }) {
            warnings.append(
                "These results are from before paired fidelity was measured. The centroid distance is small for blurred "
                    + "averages too: look at the images.")
        }
        return warnings
    }
}

/// How the finite rows compare: chances, and who cannot be told from whom.
struct Comparison {
    let model: HierarchicalModel
    let isPaired: Bool
    /// What differences are made of, and the spread that counts for them.
    let groups: [SeedGroup]
    let variance: ModeratedVariance
    /// By row; ranks.
    private(set) var ties: [[Int]]

    /// - Parameters:
    ///   - beyond: configurations behind the rows, in `groups` too.
    ///   - groups: of all.
    init(
        _ rows: [AnswerMaker.Scored], _ beyond: FieldBeyond?, _ groups: [SeedGroup], _ variance: ModeratedVariance
    ) {
        let pairing = SeedPairing(
            rows.map { row in
                Dictionary(zip(row.candidate.jobs.map(\.seed), row.scores)) { first, _ in first }
            } + (beyond?.scoresBySeed ?? []))
        isPaired = pairing.isPaired
        self.groups = pairing.isPaired ? pairing.groups : groups
        self.variance = pairing.isPaired ? ModeratedVariance(pairing.groups) ?? variance : variance
        model = HierarchicalModel(self.groups)
        ties = Array(repeating: [], count: rows.count)
        let quantiles = QuantileTable()
        let compared = min(rows.count, AnswerMaker.comparedRows)
        for first in 0..<compared {
            for second in (first + 1)..<max(compared, first + 1) {
                // The same values are tied even where seeds do not spread.
                guard self.variance.coversNoDifference(self.groups[first], self.groups[second], quantiles: quantiles)
                else { continue }
                ties[first].append(second + 1)
                ties[second].append(first + 1)
            }
        }
    }
}
