package import RunSpec
import SweepModel

/// One configuration at one checkpoint, averaged over its seeds.
package struct RankedConfiguration: Equatable, Sendable {
    /// From 1; equal values share a rank.
    package var rank: Int
    package var configuration: String
    package var group: String
    package var label: String
    package var parameters: [String: ParameterValue]
    /// Its name; nil for a value of a curve.
    package var checkpoint: String?
    package var epoch: Int
    package var step: Int
    package var mean: Double
    /// Standard deviation over the seeds (n - 1); nil for one.
    package var deviation: Double?
    /// The jobs behind the mean, one a seed.
    package var jobs: [String]
}

extension SweepResultSet {
    /// Which checkpoints of a configuration compete.
    package enum CheckpointChoice: Equatable, Sendable {
        case all
        /// The one with the highest step.
        case last
        /// The one with the best value.
        case best
        /// The one of this step.
        case step(Int)
        /// The mean over so many of the last.
        case meanOfLast(Int)
    }

    /// Configurations from best to worst.
    ///
    /// - Parameters:
    ///   - prompts: nil for the prompt type at which the metric is usually read.
    ///   - class: empty for the average over classes.
    /// - Returns: empty if nothing was measured so.
    package func ranking(
        by metric: String, prompts: String? = nil, class: String = "", checkpoints: CheckpointChoice = .best,
        lowerIsBetter: Bool? = nil
    ) -> [RankedConfiguration] {
        let info = MetricInfo.of(metric, lowerIsBetter: lowerIsBetter)
        let wanted = prompts ?? info.prompts
        let rows = results.filter { row in
            row.metric == metric && row.prompts == wanted && row.class == `class` && !row.value.isNaN
        }
        var averaged = self.averaged(rows)
        switch checkpoints {
        case .all: break
        case .last: averaged = Self.choose(averaged) { $0.step > $1.step }
        case .best: averaged = Self.choose(averaged) { info.prefers($0.mean, to: $1.mean) }
        case .step(let step): averaged.removeAll { $0.step != step }
        case .meanOfLast(let count): averaged = Self.averageOfLast(averaged, count)
        }
        return Self.ranked(averaged, info)
    }

    /// In order and numbered. Ties are broken by name and step, so that the order never depends on chance.
    static func ranked(_ rows: [RankedConfiguration], _ info: MetricInfo) -> [RankedConfiguration] {
        var rows = rows.sorted { a, b in
            a.mean == b.mean ? (a.configuration, a.step) < (b.configuration, b.step) : info.prefers(a.mean, to: b.mean)
        }
        for index in rows.indices {
            let tied = index > 0 && rows[index].mean == rows[index - 1].mean
            rows[index].rank = tied ? rows[index - 1].rank : index + 1
        }
        return rows
    }

    /// Mean and deviation over seeds, for each configuration and step.
    private func averaged(_ rows: [SweepResult]) -> [RankedConfiguration] {
        let byID = Dictionary(jobs.map { ($0.id, $0) }) { first, _ in first }
        let varied = VariedParameters(jobs)
        struct Key: Hashable {
            let configuration: String
            let step: Int
        }
        let grouped = Dictionary(grouping: rows.filter { byID[$0.job] != nil }) { row in
            Key(configuration: byID[row.job]?.configuration ?? "", step: row.step)
        }
        return grouped.compactMap { key, rows in
            guard let job = byID[rows[0].job] else { return nil }
            let (mean, deviation) = Self.spread(rows.map(\.value))
            return RankedConfiguration(
                rank: 0, configuration: key.configuration, group: job.group, label: varied.label(job.parameters),
                parameters: job.parameters, checkpoint: rows[0].checkpoint, epoch: rows[0].epoch, step: key.step,
                mean: mean,
                deviation: deviation, jobs: rows.map(\.job).sorted())
        }
    }

    /// Mean and standard deviation; no deviation of one value, nor where one is infinite.
    static func spread(_ values: [Double]) -> (mean: Double, deviation: Double?) {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let isKnown = values.count > 1 && squares.isFinite
        return (mean, isKnown ? (squares / Double(values.count - 1)).squareRoot() : nil)
    }

    /// One row a configuration: the last one, with the mean of the last few.
    private static func averageOfLast(_ rows: [RankedConfiguration], _ count: Int) -> [RankedConfiguration] {
        Dictionary(grouping: rows, by: \.configuration).values.compactMap { rows in
            let last = rows.sorted { $0.step < $1.step }.suffix(count)
            guard var row = last.last else { return nil }
            row.mean = last.reduce(0) { $0 + $1.mean } / Double(last.count)
            return row
        }
    }

    private static func choose(
        _ rows: [RankedConfiguration], _ isBetter: (RankedConfiguration, RankedConfiguration) -> Bool
    ) -> [RankedConfiguration] {
        var chosen: [String: RankedConfiguration] = [:]
        for row in rows.sorted(by: { $0.step < $1.step }) {
            if let rival = chosen[row.configuration], !isBetter(row, rival) { continue }
            chosen[row.configuration] = row
        }
        return Array(chosen.values)
    }
}
