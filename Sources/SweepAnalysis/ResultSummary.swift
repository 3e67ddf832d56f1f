package import RunSpec

/// The table of a sweep: one row per configuration and checkpoint, one column per metric at its prompt type.
package struct ResultSummary: Equatable, Sendable {
    package struct Column: Equatable, Sendable {
        package var metric: MetricInfo
        package var prompts: String
    }

    package struct Row: Equatable, Sendable {
        package var configuration: String
        package var label: String
        package var epoch: Int
        package var step: Int
        package var seeds: Int
        /// One per column; nil where nothing was measured.
        package var values: [Double?]
        /// The jobs behind it.
        package var jobs: [String]
    }

    package var columns: [Column]
    /// Best first, by the first column.
    package var rows: [Row]
    /// What the base model reaches without any adapter, per column.
    package var floor: [Double?]
    /// What the concept's own images reach after the autoencoder's round trip, per column.
    package var ceiling: [Double?]

    /// Index of the best row of a column.
    package func best(_ column: Int) -> Int? {
        let info = columns[column].metric
        let measured = rows.indices.filter { rows[$0].values[column] != nil }
        return measured.min { a, b in info.prefers(rows[a].values[column] ?? .nan, to: rows[b].values[column] ?? .nan) }
    }
}

extension SweepResultSet {
    /// - Parameter checkpoints: which of each configuration's checkpoints get a row.
    package func summary(checkpoints: CheckpointChoice = .all) -> ResultSummary {
        let measured = Set(
            results.lazy.filter(\.class.isEmpty).map { DecisionRule.Measure(metric: $0.metric, prompts: $0.prompts) })
        let columns = MetricInfo.known
            .filter { measured.contains(DecisionRule.Measure(metric: $0.name, prompts: $0.prompts)) }
            .map { ResultSummary.Column(metric: $0, prompts: $0.prompts) }
        let rankings = columns.map { ranking(by: $0.metric.name, prompts: $0.prompts, checkpoints: .all) }
        guard let first = rankings.first else { return ResultSummary(columns: [], rows: [], floor: [], ceiling: []) }
        func place(_ row: RankedConfiguration) -> String { "\(row.configuration)@\(row.step)" }
        let kept = Set(ranking(by: columns[0].metric.name, checkpoints: checkpoints).map(place))
        let means = rankings.map { ranking in
            Dictionary(ranking.map { (place($0), $0.mean) }) { first, _ in first }
        }
        let rows = first.filter { kept.contains(place($0)) }.map { row in
            ResultSummary.Row(
                configuration: row.configuration, label: row.label, epoch: row.epoch, step: row.step,
                seeds: row.jobs.count, values: means.map { $0[place(row)] }, jobs: row.jobs)
        }
        return ResultSummary(
            columns: columns, rows: rows, floor: columns.map { average("base_" + $0.metric.name, $0.prompts) },
            ceiling: columns.map { average("ceiling_" + $0.metric.name, $0.prompts) })
    }

    /// The mean of a reference value, which is the same for every checkpoint but for rounding.
    func average(_ metric: String, _ prompts: String) -> Double? {
        let values = results.filter {
            $0.metric == metric && $0.prompts == prompts && $0.class.isEmpty && !$0.value.isNaN
        }
        .map(\.value)
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
