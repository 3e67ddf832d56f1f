import RunSpec

/// Reads several measures of a configuration together, held against the base model's own values: the rules
/// that people like (AnimaLoraStudio, ADR 0011).
///
/// - over-fitted: fidelity up, text and diversity down; or training pictures matched much better than
///   held-out ones
/// - copying: more images near a training picture than training pictures are near each other
/// - under-trained: text as good as the base's, fidelity no better
/// - collapsed: all of them down
struct FindingMaker {
    let rule: DecisionRule
    let index: ResultIndex

    /// By definition 5 % of the training pictures lie so near to another; three times that is no chance.
    static let copyingShare = 0.15
    /// Changes against the base below this share of its value say nothing, nor those within the noise.
    static let leastChange = 0.05

    private enum Change { case up, down, same }

    private struct Reading {
        var name: String
        var value: Double
        var base: Double
        var change: Change

        var text: String { "\(name) \(NumberWords.text(value)) (base \(NumberWords.text(base)))" }
    }

    func add(to rows: inout [SweepAnswer.Row]) {
        let noise = Noise(rows, index)
        for place in rows.indices { rows[place].findings = findings(rows[place], noise) }
    }

    private func findings(_ row: SweepAnswer.Row, _ noise: Noise) -> [Finding] {
        let fidelity =
            reading(row, noise, ["paired_fidelity", "image_similarity"], ["train", "holdout", "trigger"])
        let text = reading(row, noise, ["text_similarity"], ["alter", "trigger", "train"])
        let diversity = reading(row, noise, ["vendi"], ["trigger", "alter", "train"])
        var findings: [Finding] = []
        let known = [fidelity, text, diversity].compactMap { $0 }
        let numbers = known.map(\.text).joined(separator: ", ")
        if known.count > 1, fidelity != nil, known.allSatisfy({ $0.change == .down }) {
            findings.append(Finding(kind: .collapsed, text: "Collapsed: all below the base model: \(numbers)."))
        } else if fidelity?.change == .up, text?.change == .down, diversity.map({ $0.change == .down }) ?? false {
            findings.append(
                Finding(
                    kind: .overfitted, text: "Over-fitted: fidelity rose while text and diversity fell: \(numbers)."))
        } else if let fidelity, fidelity.change != .up, text.map({ $0.change != .down }) ?? true {
            let others = text.map { ", while \($0.text) is kept" } ?? ""
            findings.append(
                Finding(kind: .undertrained, text: "Under-trained: \(fidelity.text) has hardly moved\(others)."))
        }
        if let gap = gap(row, noise), !findings.contains(where: { $0.kind == .overfitted }) {
            findings.append(Finding(kind: .overfitted, text: gap))
        }
        if let share = copying(row) {
            findings.append(
                Finding(
                    kind: .copying,
                    text:
                        "Copying: \(NumberWords.percent(share.value)) of the images (\(share.prompts)) lie nearer to a "
                        + "training picture than training pictures lie to each other; 5 % would be usual."))
        }
        return findings
    }

    /// Training pictures matched better than held-out ones, by more than the base model does.
    private func gap(_ row: SweepAnswer.Row, _ noise: Noise) -> String? {
        guard let train = noise.mean("paired_fidelity", "train", row),
            let held = noise.mean("paired_fidelity", "holdout", row)
        else { return nil }
        let base =
            (noise.base("paired_fidelity", "train") ?? 0) - (noise.base("paired_fidelity", "holdout") ?? 0)
        let rise = train - held - base
        let chance =
            (noise.error("paired_fidelity", "train", row) ?? 0) + (noise.error("paired_fidelity", "holdout", row) ?? 0)
        guard rise > max(2 * chance, Self.leastChange) else { return nil }
        return "Over-fitted: training pictures are matched at \(NumberWords.text(train)), held-out ones at "
            + "\(NumberWords.text(held)); the base model's gap is \(NumberWords.text(base))."
    }

    private func copying(_ row: SweepAnswer.Row) -> (value: Double, prompts: String)? {
        for prompts in ["trigger", "train", "alter", "holdout"] {
            let shares = row.jobs.compactMap { index.value("copying", prompts, $0, row.step) }
            guard !shares.isEmpty else { continue }
            let share = shares.reduce(0, +) / Double(shares.count)
            if share >= Self.copyingShare { return (share, prompts) }
        }
        return nil
    }

    /// The first of the measures that has both a value and the base model's.
    private func reading(_ row: SweepAnswer.Row, _ noise: Noise, _ metrics: [String], _ prompts: [String]) -> Reading? {
        for metric in metrics {
            for type in prompts {
                guard let base = noise.base(metric, type), let value = noise.mean(metric, type, row)
                else { continue }
                let threshold = max(2 * (noise.error(metric, type, row) ?? 0), Self.leastChange * abs(base))
                let change: Change = value > base + threshold ? .up : value < base - threshold ? .down : .same
                return Reading(name: MetricInfo.of(metric).title, value: value, base: base, change: change)
            }
        }
        return nil
    }

    /// Means of measures over the jobs of a row, and their standard errors from the pooled spread.
    private final class Noise {
        private let rows: [SweepAnswer.Row]
        private let index: ResultIndex
        private var known: [DecisionRule.Measure: ModeratedVariance?] = [:]
        private var bases: [DecisionRule.Measure: Double?] = [:]

        init(_ rows: [SweepAnswer.Row], _ index: ResultIndex) {
            self.rows = rows
            self.index = index
        }

        /// The base model's value; asked for each row, found once.
        func base(_ metric: String, _ prompts: String) -> Double? {
            let measure = DecisionRule.Measure(metric: metric, prompts: prompts)
            if let known = bases[measure] { return known }
            let value = index.average("base_" + metric, prompts)
            bases[measure] = .some(value)
            return value
        }

        private func group(_ metric: String, _ prompts: String, _ row: SweepAnswer.Row) -> SeedGroup? {
            let values = row.jobs.compactMap { index.value(metric, prompts, $0, row.step) }.filter(\.isFinite)
            return values.isEmpty ? nil : SeedGroup(values)
        }

        func mean(_ metric: String, _ prompts: String, _ row: SweepAnswer.Row) -> Double? {
            group(metric, prompts, row)?.mean
        }

        func error(_ metric: String, _ prompts: String, _ row: SweepAnswer.Row) -> Double? {
            let measure = DecisionRule.Measure(metric: metric, prompts: prompts)
            if known[measure] == nil {
                known[measure] = .some(ModeratedVariance(rows.compactMap { group(metric, prompts, $0) }))
            }
            guard let variance = known[measure] ?? nil, let group = group(metric, prompts, row) else { return nil }
            return (variance.posterior(group).variance / Double(group.count)).squareRoot()
        }
    }
}

extension DecisionRule {
    /// Metrics of evaluations that an answer by this rule reads; more need not be fetched.
    package var metricsToRead: [String] {
        let own = criteria.filter { $0.prompts != nil }.map(\.metric)
        let measures = own + ["paired_fidelity", "image_similarity", "text_similarity", "vendi", "copying"]
        return Set(measures + measures.map { "base_" + $0 }).sorted()
    }
}
