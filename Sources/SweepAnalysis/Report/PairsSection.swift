import RunSpec
import SweepModel

/// Edits of held-out pairs: each configuration beside the unedited source, the autoencoder's round trip and
/// the untuned model, with what it costs.
struct PairsSection: ReportSection {
    /// One measure at one place of the region.
    private struct Column {
        let measure: Measure
        let info: MetricInfo
    }

    /// What one configuration reached at the checkpoint that competes.
    private struct Row {
        let label: String
        let seeds: Int
        let images: Int
        let cells: [Estimate?]
        /// Gain of each class, in the classes' order.
        let classes: [Estimate?]
        /// Mean of a job, in milliseconds.
        let time: Double?
        /// Mean over the jobs of their most, in MiB.
        let memory: Double?
    }

    private static let prompts = "holdout"
    private static let mostRows = 60

    func html(_ context: ReportContext) -> String {
        let columns = SweepReport.pairMetrics(of: context.report.results).map {
            Column(measure: Measure(metric: $0, prompts: Self.prompts), info: MetricInfo.of($0))
        }
        let classes = Set(context.report.results.results.filter { Self.isSingle($0) }.map(\.class)).sorted()
        let values = Self.values(context.report.results)
        let all = context.numbers.configurations.indices.compactMap {
            row($0, columns, classes, values, context)
        }
        guard !columns.isEmpty, !all.isEmpty else { return "" }
        let rows = all.prefix(Self.mostRows)
        let left = all.count - rows.count
        return HTML.section(
            "Edits of held-out pairs", id: "pairs",
            [
                HTML.quiet(
                    "Inside: where source and target differ, with a margin. ± is half of the "
                        + "\(HTML.percent(Estimate.confidence)) interval of the mean over the images of held-out pairs, "
                        + "each averaged over the seeds. A gain whose interval stays above 0 beats the unedited source."
                ),
                table(Array(rows), columns, context), byClass(Array(rows), classes),
                left > 0 ? HTML.quiet("\(left) further configurations are left out here.") : "",
            ])
    }

    private static func isSingle(_ result: SweepResult) -> Bool {
        !result.class.isEmpty && result.metric.hasPrefix("edit_") && result.prompts == prompts
    }

    private struct Key: Hashable {
        let job: String
        let metric: String
        let step: Int
    }

    /// Of each job, metric and step: the images' values by class and number.
    private static func values(_ results: SweepResultSet) -> [Key: [SweepResult]] {
        Dictionary(grouping: results.results.filter { isSingle($0) && $0.values != nil }) {
            Key(job: $0.job, metric: $0.metric, step: $0.step)
        }
    }

    private func row(
        _ index: Int, _ columns: [Column], _ classes: [String], _ values: [Key: [SweepResult]],
        _ context: ReportContext
    ) -> Row? {
        let configuration = context.numbers.configurations[index]
        let places = columns.map { context.numbers.chosen($0.measure, of: index) }
        guard let place = places.compactMap(\.self).first else { return nil }
        func images(_ metric: String, _ wanted: String? = nil) -> [Double] {
            struct Image: Hashable {
                let name: String
                let number: Int
            }
            var found: [Image: [Double]] = [:]
            for job in configuration.jobs {
                for result in values[Key(job: job.id, metric: metric, step: place.step)] ?? []
                where wanted == nil || result.class == wanted {
                    for (number, value) in (result.values ?? []).enumerated() where value.isFinite {
                        found[Image(name: result.class, number: number), default: []].append(value)
                    }
                }
            }
            return found.values.map { $0.reduce(0, +) / Double($0.count) }
        }
        let cells = zip(columns, places).map { column, place -> Estimate? in
            let own = images(column.measure.metric)
            // Values of single images are not kept of very many.
            guard own.isEmpty else { return Self.estimate(own) }
            return place.map { Estimate(value: $0.mean, seeds: $0.values.count) }
        }
        let gain = columns.first { $0.measure.metric.hasSuffix("_gain") }?.measure.metric
        return Row(
            label: configuration.label, seeds: place.values.count, images: images(columns[0].measure.metric).count,
            cells: cells, classes: classes.map { name in gain.flatMap { Self.estimate(images($0, name)) } },
            time: Self.time(configuration.jobs, context.report.attempts),
            memory: Self.memory(configuration.jobs, context.report.results))
    }

    /// The mean with Student's interval; of one number no interval, of none nil.
    private static func estimate(_ values: [Double]) -> Estimate? {
        guard !values.isEmpty else { return nil }
        // In one order, whatever that of a dictionary is: sums are rounded.
        let values = values.sorted()
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        guard values.count > 1 else { return Estimate(value: mean, seeds: 1) }
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
        let half =
            StudentDistribution.quantile((1 + Estimate.confidence) / 2, degrees: count - 1) * deviation
            / count.squareRoot()
        return Estimate(
            value: mean, low: mean - half, high: mean + half, deviation: deviation, seeds: values.count)
    }

    private static func time(_ jobs: [JobSummary], _ attempts: [SweepReport.AttemptTime]) -> Double? {
        let times = jobs.compactMap { job -> Double? in
            let ended = attempts.filter { $0.job == job.id }.compactMap { attempt in
                attempt.ended.map { Double(max(0, $0 - attempt.started)) }
            }
            return ended.isEmpty ? nil : ended.reduce(0, +)
        }
        return times.isEmpty ? nil : times.reduce(0, +) / Double(times.count)
    }

    private static func memory(_ jobs: [JobSummary], _ results: SweepResultSet) -> Double? {
        let curve = results.curves["memory_mb"] ?? []
        let most = jobs.compactMap { job in curve.filter { $0.job == job.id }.map(\.value).max() }
        return most.isEmpty ? nil : most.reduce(0, +) / Double(most.count)
    }

    private func table(_ rows: [Row], _ columns: [Column], _ context: ReportContext) -> String {
        let heads = columns.map { column in
            "<th title=\"\(HTML.escaped(column.info.meaning))\">\(HTML.escaped(column.info.title))"
                + "<small>\(HTML.escaped(column.info.unit)) \(column.info.lowerIsBetter ? "↓" : "↑")</small></th>"
        }
        let body = rows.map { row in
            let cells = row.cells.map { "<td>\($0.map(HTML.estimate) ?? "–")</td>" }
            return
                "<tr><th scope=\"row\">\(HTML.escaped(row.label))</th><td>\(row.images) × \(row.seeds)</td>\(cells.joined())"
                + "<td>\(row.time.map { HTML.duration(milliseconds: $0) } ?? "–")</td>"
                + "<td>\(row.memory.map { "\(Int($0.rounded())) MB" } ?? "–")</td></tr>"
        }
        let references: [(String, (Measure) -> Double?)] = [
            ("unedited source", context.numbers.source), ("autoencoder's round trip", context.numbers.bound),
            ("untuned model", context.numbers.floor),
        ]
        let foot = references.compactMap { name, find -> String? in
            let values = columns.map { find($0.measure) }
            guard values.contains(where: { $0 != nil }) else { return nil }
            let cells = values.map { "<td>\($0.map(HTML.number) ?? "–")</td>" }.joined()
            return "<tr class=\"reference\"><td>\(name)</td><td></td>\(cells)<td></td><td></td></tr>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="edits of held-out pairs"><table>
            <thead><tr><th>configuration</th><th>images<small>× seeds</small></th>\(heads.joined())\
            <th>time<small>of a job</small></th><th>memory<small>most of a job</small></th></tr></thead>
            <tbody>\(body.joined(separator: "\n"))</tbody>
            <tfoot>\(foot.joined())</tfoot>
            </table></div>
            """
    }

    private func byClass(_ rows: [Row], _ classes: [String]) -> String {
        guard classes.count > 1, rows.contains(where: { $0.classes.contains { $0 != nil } }) else { return "" }
        let body = rows.map { row in
            "<tr><th scope=\"row\">\(HTML.escaped(row.label))</th>"
                + row.classes.map { "<td>\($0.map(HTML.estimate) ?? "–")</td>" }.joined() + "</tr>"
        }
        return """
            <details><summary>Gain of each edit</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="gain of each edit"><table>
            <thead><tr><th>configuration</th>\(classes.map { "<th>\(HTML.escaped($0))</th>" }.joined())</tr></thead>
            <tbody>\(body.joined(separator: "\n"))</tbody></table></div></details>
            """
    }
}

extension SweepReport {
    /// What was measured of edits of held-out pairs, references aside, the gains first; the values of their
    /// single images are read by the report. Empty for a sweep without pairs.
    package static func pairMetrics(of results: SweepResultSet) -> [String] {
        let names = Set(
            results.results.filter { $0.prompts == "holdout" && $0.metric.hasPrefix("edit_") }.map(\.metric))
        let known = MetricInfo.known.map(\.name)
        return names.sorted { a, b in
            func rank(_ name: String) -> (Int, Int, String) {
                let plain = String(name.prefix { $0 != "@" })
                return (plain.hasSuffix("_gain") ? 0 : 1, known.firstIndex(of: plain) ?? known.count, name)
            }
            return rank(a) < rank(b)
        }
    }
}
