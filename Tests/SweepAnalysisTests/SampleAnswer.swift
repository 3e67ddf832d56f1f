import RunSpec
import SweepAnalysis
import SweepModel

/// An answer made by hand, so that what a report shows of it is known: configurations in the order of their
/// first criterion's mean at the last checkpoint, the first three tied, the last one over-fitted.
enum SampleAnswer {
    static func make(_ results: SweepResultSet, _ criteria: [Criterion], isEstablished: Bool = true) -> SweepAnswer {
        let varied = VariedParameters(results.jobs)
        var rows: [SweepAnswer.Row] = []
        for (configuration, jobs) in Dictionary(grouping: results.jobs, by: \.configuration) {
            let known = Set(jobs.map(\.id))
            let own = results.results.filter { known.contains($0.job) }
            let curves = results.curves.mapValues { $0.filter { known.contains($0.job) } }
            let step = (own.map(\.step) + curves.values.flatMap { $0.map(\.step) }).max() ?? 0
            let estimates = criteria.map { criterion -> Estimate in
                let values =
                    criterion.prompts == nil
                    ? jobs.compactMap { job in curves[criterion.metric]?.last { $0.job == job.id }?.value }
                    : own.filter {
                        $0.metric == criterion.metric && $0.prompts == criterion.prompts && $0.step == step
                    }.map(\.value)
                return estimate(values, isEstablished: isEstablished)
            }
            var row = SweepAnswer.Row(
                configuration: configuration, group: jobs[0].group, label: varied.label(jobs[0].parameters),
                parameters: jobs[0].parameters, checkpoint: own.last?.checkpoint, epoch: own.last?.epoch ?? 0,
                step: step, seeds: jobs.map(\.seed).sorted(), jobs: jobs.sorted { $0.seed < $1.seed }.map(\.id),
                score: estimates[0], criteria: estimates)
            row.bestProbability = isEstablished ? 0.1 : nil
            row.dominatedBy = [1]
            rows.append(row)
        }
        let lower = criteria[0].lowerIsBetter
        rows.sort { lower ? $0.score.value < $1.score.value : $0.score.value > $1.score.value }
        for index in rows.indices {
            rows[index].rank = index + 1
            if index < 3 && isEstablished { rows[index].tiedWith = [1, 2, 3].filter { $0 != index + 1 } }
            if index < 4 { rows[index].dominatedBy = [] }
        }
        if let last = rows.indices.last {
            rows[last].findings = [
                Finding(kind: .overfitted, text: "On training pictures it gains 0.21, on held-out ones it loses 0.05.")
            ]
        }
        let best = rows.first?.label ?? ""
        let words =
            isEstablished
            ? [
                "\(best) is best with a probability of 41 %; it cannot be told from #2 and #3.",
                "Best means a rule over \(criteria.count) measures.",
            ]
            : ["Ranking not established: with one seed nothing tells how far seeds spread.", "In front is \(best)."]
        var answer = SweepAnswer(
            sweep: results.sweep, rule: DecisionRule(criteria: criteria, origin: .evaluations), rows: rows,
            isEstablished: isEstablished, words: words)
        if !isEstablished { answer.warnings = ["One training seed: differences of this size come by chance."] }
        answer.advice = Advice(
            ranks: [1, 2, 3], seeds: [4, 5], text: "Two more seeds on the first three would tell.",
            fragment: "groups:\n  - name: again\n    list:\n      - {algorithm: lora, lr: 0.0005}\nseeds: [4, 5]\n")
        return answer
    }

    private static func estimate(_ values: [Double], isEstablished: Bool) -> Estimate {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        guard isEstablished, values.count > 1 else { return Estimate(value: mean, seeds: values.count) }
        return Estimate(value: mean, low: mean - 0.02, high: mean + 0.02, deviation: 0.01, seeds: values.count)
    }

    static let criteria = [
        Criterion(metric: "paired_fidelity", prompts: "holdout", lowerIsBetter: false),
        Criterion(metric: "text_similarity", prompts: "alter"), Criterion(metric: "style_distance", prompts: "style"),
        Criterion(metric: "copying", prompts: "train", lowerIsBetter: true),
    ]
}
