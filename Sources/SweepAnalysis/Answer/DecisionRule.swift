package import RunSpec
import SweepModel

/// What "best" means: several measures with weights, made one score.
///
/// Every criterion becomes a desirability: 1 for the best configuration of the sweep, 0.1 for the worst, in a
/// straight line between. The score is their weighted geometric mean (Derringer & Suich, J. Quality
/// Technology 12, 1980), so that what is bad in one measure is not made up for by another.
package struct DecisionRule: Equatable, Sendable {
    package var criteria: [Criterion]
    /// Where it comes from.
    package var origin: Origin

    package enum Origin: Equatable, Sendable {
        /// The sweep file, or whoever asks.
        case given
        /// The measures that evaluations have.
        case evaluations
        /// What the trainers logged, where nothing was evaluated.
        case curves
    }

    /// Criteria that do not count are left out.
    package init(criteria: [Criterion], origin: Origin = .given) {
        self.criteria = criteria.filter { $0.weight > 0 }
        self.origin = origin
    }

    /// - Parameter weights: by `METRIC`, `METRIC@PROMPTS` or the key of a curve.
    package init(weights: [String: Double], curves: some Collection<String>) {
        self.init(
            criteria: weights.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
                Criterion($0.key, weight: $0.value, curves: curves)
            })
    }

    /// Whether every criterion is a curve.
    package var readsOnlyCurves: Bool { criteria.allSatisfy { $0.prompts == nil } }

    /// Whether a criterion is read from pictures that were not trained on.
    package var looksAtHeldOut: Bool {
        criteria.contains { $0.prompts == "holdout" || $0.metric.hasPrefix("heldout_") }
    }
}

extension DecisionRule {
    /// A place in the default rule: the first of these measures that the sweep has.
    private struct Place {
        let weight: Double
        let choices: [(metric: String, prompts: String)]
    }

    /// What was learned counts six, what was kept three: an adapter that changes nothing keeps everything,
    /// and must not win by that.
    private static let places = [
        Place(
            weight: 3,
            choices: [
                ("paired_fidelity", "holdout"), ("paired_fidelity", "train"), ("heldout_image_similarity", "trigger"),
                ("squared_centroid_distance", "trigger"), ("image_similarity", "trigger"),
            ]), Place(weight: 1, choices: [("text_similarity", "alter"), ("text_similarity", EditTask.prompts)]),
        Place(weight: 1, choices: [("style_distance", "style")]), Place(weight: 1, choices: [("copying", "trigger")]),
        // Of edits, which have no other but the text's similarity.
        Place(weight: 1, choices: [("similarity_to_source", EditTask.prompts)]),
    ]
    /// Of the validation loss.
    private static let lossWeight = 3.0

    /// What the default rule may read of evaluations and curves, so that no more needs to be fetched.
    package static let defaultMetrics: [String] =
        places.flatMap { $0.choices.map(\.metric) }.reduce(into: ["validation_loss"]) { names, name in
            if !names.contains(name) { names.append(name) }
        }

    /// The rule that fits to what a sweep has.
    ///
    /// - Parameters:
    ///   - measures: metrics of its evaluations with their prompts, averaged over classes.
    ///   - curves: keys of what was logged.
    ///   - declared: what the sweep file says about metrics; those with a weight are the whole rule.
    /// - Returns: without criteria where nothing is known about any of them.
    package static func standard(
        measures: some Collection<Measure>, curves: some Collection<String>, declared: [MetricDeclaration] = []
    ) -> DecisionRule {
        let own = measures.filter { !MetricInfo.isReference($0.metric) }
        let sorted = own.sorted { ($0.metric, $0.prompts) < ($1.metric, $1.prompts) }
        if declared.contains(where: { $0.weight != nil }) { return ofWeights(declared, sorted, curves) }
        guard !own.isEmpty else { return ofCurves(curves, declared) }
        var rule = ofEvaluations(sorted, curves, declared)
        if rule.criteria.isEmpty { rule = ofCurves(curves, declared) }
        return rule
    }

    /// The metrics that the sweep file gives weights.
    private static func ofWeights(
        _ declared: [MetricDeclaration], _ measures: [Measure], _ curves: some Collection<String>
    ) -> DecisionRule {
        let criteria = declared.compactMap { metric -> Criterion? in
            guard let weight = metric.weight else { return nil }
            let types = measures.filter { $0.metric == metric.name }.map(\.prompts)
            let usual = MetricInfo.of(metric.name, declared: declared).prompts
            let isCurve = metric.prompts == nil && types.isEmpty && curves.contains(metric.name)
            let prompts = metric.prompts ?? (types.contains(usual) ? usual : types.first ?? usual)
            return Criterion(
                metric: metric.name, prompts: isCurve ? nil : prompts, weight: weight, declared: declared)
        }
        return DecisionRule(criteria: criteria, origin: .given)
    }

    private static func ofEvaluations(
        _ sorted: [Measure], _ curves: some Collection<String>, _ declared: [MetricDeclaration]
    ) -> DecisionRule {
        var criteria = places.compactMap { place -> Criterion? in
            for (metric, prompts) in place.choices {
                // The base's own encoder first, else another's.
                let found =
                    sorted.first { $0.metric == metric && $0.prompts == prompts }
                    ?? sorted.first { $0.metric.hasPrefix(metric + "@") && $0.prompts == prompts }
                if let found {
                    return Criterion(
                        metric: found.metric, prompts: prompts, weight: place.weight, declared: declared)
                }
            }
            return nil
        }
        if curves.contains("validation_loss") {
            criteria.insert(
                Criterion(metric: "validation_loss", prompts: nil, weight: lossWeight, declared: declared),
                at: min(1, criteria.count))
        } else if let row = sorted.first(where: { $0.metric == "validation_loss" }) {
            criteria.insert(
                Criterion(metric: row.metric, prompts: row.prompts, weight: lossWeight, declared: declared),
                at: min(1, criteria.count))
        }
        if criteria.isEmpty {
            // Measures of somebody else's evaluation: those whose direction their names tell.
            criteria = sorted.map { Criterion(metric: $0.metric, prompts: $0.prompts, declared: declared) }
                .filter(\.info.isDirectionKnown)
        }
        return DecisionRule(criteria: criteria, origin: .evaluations)
    }

    /// Curves whose direction their names tell; where some are of a validation, only these. A tag that is
    /// kept at its steps and at its epochs counts once, unless the sweep file names the second.
    private static func ofCurves(
        _ keys: some Collection<String>, _ declared: [MetricDeclaration]
    ) -> DecisionRule {
        let all = Set(keys)
        let names = all.filter { key in
            !CommandTrainer.EpochTag.isTwin(key, among: all) || declared.contains { $0.name == key }
        }
        let known = names.sorted().map { Criterion(metric: $0, prompts: nil, declared: declared) }
            .filter(\.info.isDirectionKnown)
        let validation = known.filter { criterion in
            isValidation(criterion.metric) || declared.contains { $0.name == criterion.metric }
        }
        return DecisionRule(criteria: validation.isEmpty ? known : validation, origin: .curves)
    }

    /// `val_loss`, `eval/accuracy`, `test-error`, `validation_loss`.
    package static func isValidation(_ key: String) -> Bool {
        key.lowercased().split { !$0.isLetter }.contains { word in
            ["val", "valid", "eval", "test"].contains(word) || word.hasPrefix("validation") || word.hasPrefix("evaluat")
        }
    }

    /// A metric of evaluations at a prompt type.
    package struct Measure: Hashable, Sendable {
        package var metric: String
        package var prompts: String

        package init(metric: String, prompts: String) {
            self.metric = metric
            self.prompts = prompts
        }
    }
}

extension SweepResultSet {
    /// The rule that fits to what was measured.
    package func standardRule() -> DecisionRule {
        let measures = Set(
            results.lazy.filter(\.class.isEmpty).map { DecisionRule.Measure(metric: $0.metric, prompts: $0.prompts) })
        return .standard(measures: measures, curves: curves.keys, declared: declared)
    }
}
