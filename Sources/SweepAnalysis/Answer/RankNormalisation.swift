import RunSpec
import SweepModel

/// The form in which the LyCORIS paper compares (Yeh et al. 2024, section 5): ranks instead of values.
///
/// Within each class, metric and prompt type all checkpoints are ranked, ties sharing their average; the
/// score is (rank - 1) / (n - 1), and 1 is the best. Scores are averaged over sub-classes (the parts after a
/// `/`), then classes. The error is the standard deviation (n - 1) over seeds and classes, divided by √n.
package struct RankNormalisation: Equatable, Sendable {
    package struct Row: Equatable, Sendable {
        package var configuration: String
        package var label: String
        package var epoch: Int
        package var step: Int
        /// One per column; nil where it was not measured.
        package var scores: [Double?]
        /// Standard errors; nil for a single value.
        package var errors: [Double?]

        /// The mean of its scores; nil without any.
        package var overall: Double? {
            let known = scores.compactMap { $0 }
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }
    }

    package var columns: [Criterion]
    /// Highest mean of all scores first.
    package var rows: [Row]
}

extension SweepResultSet {
    /// - Parameter columns: the measures of evaluations; nil for all that are known, each at its usual
    ///   prompts.
    package func rankNormalised(columns: [Criterion]? = nil) -> RankNormalisation {
        let measured = Set(results.map { DecisionRule.Measure(metric: $0.metric, prompts: $0.prompts) })
        let columns =
            columns
            ?? MetricInfo.known.filter {
                $0.isDirectionKnown && measured.contains(DecisionRule.Measure(metric: $0.name, prompts: $0.prompts))
            }.map { Criterion(metric: $0.name, prompts: $0.prompts) }
        let byID = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
        var entries: [RankedPlace: [Int: [ClassScore]]] = [:]
        var epochs: [RankedPlace: Int] = [:]
        for (column, criterion) in columns.enumerated() {
            let rows = results.filter {
                $0.metric == criterion.metric && $0.prompts == criterion.prompts && !$0.value.isNaN
                    && byID[$0.job] != nil
            }
            let hasClasses = rows.contains { !$0.class.isEmpty }
            for (name, rows) in Dictionary(grouping: rows.filter { $0.class.isEmpty != hasClasses }, by: \.class) {
                let ranks = Correlation.ranks(rows.map { criterion.upwards($0.value) })
                for (row, rank) in zip(rows, ranks) {
                    let place = RankedPlace(configuration: byID[row.job]?.configuration ?? "", step: row.step)
                    epochs[place] = row.epoch
                    let score = rows.count > 1 ? (rank - 1) / Double(rows.count - 1) : 1
                    entries[place, default: [:]][column, default: []].append(
                        ClassScore(class: name, job: row.job, score: score))
                }
            }
        }
        let varied = VariedParameters(jobs)
        let firsts = Dictionary(jobs.map { ($0.configuration, $0) }) { first, _ in first }
        let rows = entries.map { place, scores in
            RankNormalisation.Row(
                configuration: place.configuration, label: varied.label(firsts[place.configuration]?.parameters ?? [:]),
                epoch: epochs[place] ?? 0, step: place.step,
                scores: columns.indices.map { scores[$0].map(ClassScore.average) },
                errors: columns.indices.map { scores[$0].flatMap(ClassScore.error) })
        }
        return RankNormalisation(
            columns: columns,
            rows: rows.sorted { a, b in
                (a.overall ?? 0, b.configuration, b.step) > (b.overall ?? 0, a.configuration, a.step)
            })
    }
}

private struct RankedPlace: Hashable {
    let configuration: String
    let step: Int
}

/// The rank-normalised score of one job in one class.
private struct ClassScore {
    let `class`: String
    let job: String
    let score: Double

    /// Over seeds within a sub-class, then sub-classes, then classes.
    static func average(_ scores: [ClassScore]) -> Double {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let classes = Dictionary(grouping: scores) { String($0.class.prefix { $0 != "/" }) }.sorted { $0.key < $1.key }
        return mean(
            classes.map { _, members in
                mean(
                    Dictionary(grouping: members, by: \.class).sorted { $0.key < $1.key }
                        .map { mean($0.value.map(\.score).sorted()) })
            })
    }

    static func error(_ scores: [ClassScore]) -> Double? {
        guard scores.count > 1 else { return nil }
        let values = scores.map(\.score).sorted()
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
    }
}
