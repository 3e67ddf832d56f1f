import RunSpec
import SweepAnalysis

/// An answer as `top` prints it.
struct TopTable {
    let answer: SweepAnswer
    /// nil where the rule decides.
    let metric: String?
    let limit: Int

    private var rows: ArraySlice<SweepAnswer.Row> { answer.rows.prefix(limit) }

    /// The metric, or the score of the rule.
    private func estimate(_ row: SweepAnswer.Row) -> Estimate { metric == nil ? row.score : row.criteria[0] }

    private var name: String { metric ?? "score" }
    private var lowerIsBetter: Bool { metric != nil && answer.rule.criteria[0].lowerIsBetter }

    func rendered(as format: OutputFormat) throws -> String {
        switch format {
        case .json: try JSONText.encode(document)
        case .csv: try csv.rendered(as: .csv)
        case .table: try table.rendered(as: .table)
        }
    }

    /// What stands below the table.
    var notes: [String] {
        guard answer.rows.count > 1, let best = answer.best else { return [direction] }
        guard answer.isEstablished else { return ["ranking not established: one seed", direction] }
        let chance = best.bestProbability.map { "best with probability \(NumberWords.chance($0)); " } ?? ""
        var notes = ["#1 is \(chance)\(best.separation)", direction]
        if metric == nil { notes += answer.words.dropFirst() }
        if let advice = answer.advice { notes.append("\(advice.text) See: radiata advise \(answer.sweep)") }
        return notes
    }

    private var direction: String { "\(lowerIsBetter ? "lower" : "higher") is better; ± is the 90 % interval" }

    private var table: TextTable {
        let criteria = metric == nil ? answer.rule.criteria : []
        var table = TextTable(
            columns: ["rank", "configuration", "epoch", "step", name, "best"] + criteria.map(\.title)
                + ["tied with", "seeds"])
        table.rows = rows.map { row in
            let value = estimate(row)
            let values = criteria.indices.map { index in
                TextTable.Cell.text(
                    NumberWords.text(row.criteria[index].value, plusMinus: row.criteria[index].halfWidth))
            }
            let first: [TextTable.Cell] = [
                .number(Double(row.rank)), .text(row.label),
                row.checkpoint == nil ? .none : .number(Double(row.epoch)), .number(Double(row.step)),
                .text(NumberWords.text(value.value, plusMinus: value.halfWidth)),
                .text(row.bestProbability.map(NumberWords.chance) ?? "–"),
            ]
            let last: [TextTable.Cell] = [
                .text(NumberWords.ranks(row.tiedWith, atMost: 4)), .number(Double(row.seeds.count)),
            ]
            return first + values + last
        }
        return table
    }

    private var csv: TextTable {
        func cell(_ value: Double?) -> TextTable.Cell { value.map { .number($0) } ?? .none }
        var table = TextTable(columns: [
            "rank", "configuration", "epoch", "step", name, "low", "high", "deviation", "best_probability", "tied_with",
            "seeds", "jobs",
        ])
        table.rows = rows.map { row in
            let value = estimate(row)
            return [
                .number(Double(row.rank)), .text(row.label),
                row.checkpoint == nil ? .none : .number(Double(row.epoch)), .number(Double(row.step)),
                .number(value.value), cell(value.low), cell(value.high), cell(value.deviation),
                cell(row.bestProbability), .text(row.tiedWith.map(String.init).joined(separator: " ")),
                .number(Double(row.seeds.count)), .text(row.jobs.joined(separator: " ")),
            ]
        }
        return table
    }

    private var document: TopDocument {
        TopDocument(
            metric: name, better: lowerIsBetter ? "lower" : "higher", established: answer.isEstablished,
            rule: answer.rule.criteria.map { TopDocument.Criterion(metric: $0.name, weight: $0.weight) },
            words: answer.words, rows: rows.map { TopDocument.Row($0, estimate($0)) })
    }
}

/// `top --format json`.
struct TopDocument: Encodable {
    struct Criterion: Encodable {
        let metric: String
        let weight: Double
    }

    struct Row: Encodable {
        let row: SweepAnswer.Row
        let estimate: Estimate

        private enum CodingKeys: String, CodingKey {
            case rank, configuration, label, parameters, checkpoint, step, seeds, value, deviation, low, high, jobs
            case bestProbability = "best_probability"
            case tied = "tied_with"
        }

        init(_ row: SweepAnswer.Row, _ estimate: Estimate) {
            self.row = row
            self.estimate = estimate
        }

        /// Fields without a value are null, not left out.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(row.rank, forKey: .rank)
            try container.encode(row.configuration, forKey: .configuration)
            try container.encode(row.label, forKey: .label)
            try container.encode(row.parameters, forKey: .parameters)
            try container.encode(row.checkpoint, forKey: .checkpoint)
            try container.encode(row.step, forKey: .step)
            try container.encode(row.seeds.count, forKey: .seeds)
            try container.encode(estimate.value, forKey: .value)
            try container.encode(estimate.deviation, forKey: .deviation)
            try container.encode(estimate.low, forKey: .low)
            try container.encode(estimate.high, forKey: .high)
            try container.encode(row.bestProbability, forKey: .bestProbability)
            try container.encode(row.tiedWith, forKey: .tied)
            try container.encode(row.jobs, forKey: .jobs)
        }
    }

    let version = 1
    /// `score` where the rule decides.
    let metric: String
    let better: String
    let established: Bool
    let rule: [Criterion]
    let words: [String]
    let rows: [Row]
}
