import Figures
import RunSpec

/// What the sections of a report share: the numbers, and which series looks how on every figure.
struct ReportContext: Sendable {
    let report: SweepReport
    let numbers: ReportNumbers
    /// As the LyCORIS paper compares.
    let ranks: RankNormalisation
    private let rankScores: [Checkpoint: Double]

    private struct Checkpoint: Hashable {
        var configuration: String
        var step: Int
    }

    init(_ report: SweepReport) {
        self.report = report
        numbers = ReportNumbers(report.results, report.answer)
        ranks = report.results.rankNormalised()
        rankScores = Dictionary(
            ranks.rows.compactMap { row in
                row.overall.map { (Checkpoint(configuration: row.configuration, step: row.step), $0) }
            }
        ) { first, _ in first }
    }

    /// The mean of a row's normalised ranks, at the checkpoint that competes; nil where nothing is ranked.
    func rankScore(_ row: SweepAnswer.Row) -> Double? {
        guard ranks.columns.count > 1 else { return nil }
        return rankScores[Checkpoint(configuration: row.configuration, step: row.step)]
    }

    var answer: SweepAnswer { report.answer }

    /// The first ones of the answer stand out; the others are background.
    func style(_ configuration: Int) -> SeriesStyle { SeriesStyle(configuration) }

    /// The measures of the rule that there are numbers for.
    var criteria: [Measure] { answer.rule.criteria.map { Measure($0) }.filter(numbers.measures.contains) }

    func lowerIsBetter(_ measure: Measure) -> Bool { criterion(measure).lowerIsBetter }

    /// The rule's own, which may turn a direction round.
    func criterion(_ measure: Measure) -> Criterion {
        answer.rule.criteria.first { Measure($0) == measure }
            ?? Criterion(
                metric: measure.metric, prompts: measure.prompts, declared: report.results.declared)
    }

    func title(_ measure: Measure) -> String { criterion(measure).title }

    /// With the direction where it is known, as an axis says it.
    func axisTitle(_ measure: Measure) -> String {
        let criterion = criterion(measure)
        guard criterion.info.isDirectionKnown || answer.rule.criteria.contains(criterion) else {
            return criterion.title
        }
        return "\(criterion.title), \(criterion.lowerIsBetter ? "lower" : "higher") is better"
    }

    func references(_ measure: Measure) -> [ReferenceLine] {
        let floor = numbers.floor(measure).map { ReferenceLine(.floor, "base model (floor)", value: $0) }
        let bound = numbers.bound(measure).map { ReferenceLine(.bound, "attainable bound", value: $0) }
        return [floor, bound].compactMap { $0 }
    }

    /// Index of the configuration that the words call best; nil where they name none.
    var best: Int? {
        guard answer.isEstablished, let row = answer.best else { return nil }
        return numbers.configurations.firstIndex { $0.id == row.configuration }
    }

    func isBest(_ configuration: Int, step: Int) -> Bool {
        configuration == best && numbers.configurations[configuration].row?.step == step
    }

    /// Place along the training: epochs where they tell checkpoints apart.
    func along(_ place: ReportNumbers.Place) -> Double {
        numbers.hasEpochs && place.epoch > 0 ? Double(place.epoch) : Double(place.step)
    }

    func placeName(_ place: ReportNumbers.Place) -> String {
        place.epoch > 0 ? "epoch \(place.epoch)" : "step \(place.step)"
    }

    /// What the colours and shapes of all figures mean.
    func legend(over configurations: [Int]) -> String {
        var entries = configurations.filter { style($0) != .quiet }.map {
            Legend.Entry(.line(style($0)), numbers.configurations[$0].label)
        }
        let others = configurations.count - entries.count
        if others > 0 { entries.append(Legend.Entry(.line(.quiet), "\(others) others")) }
        return Legend(entries).html()
    }
}

/// One part of the page.
protocol ReportSection {
    /// Empty where there is nothing to show.
    func html(_ context: ReportContext) -> String
}
