import Figures
import RunSpec
import SweepModel

/// Every measure over the training, and the training of the best configuration with its save points.
struct CurvesSection: ReportSection {
    private static let mostMeasures = 24
    private static let leastOpen = 6
    /// Lines in the background, beside those that stand out.
    private static let mostQuiet = 60

    func html(_ context: ReportContext) -> String {
        let numbers = context.numbers
        let measures = numbers.measures.filter { measure in
            numbers.configurations.indices.contains { numbers.path(measure, of: $0).count > 1 }
        }
        let shown = measures.prefix(Self.mostMeasures)
        // The rule's measures stand first; the others wait in a fold.
        let open = max(Self.leastOpen, context.criteria.count)
        let tiles = shown.prefix(open).map { plot($0, context) }
        let folded = shown.dropFirst(open).map { plot($0, context) }
        let left = measures.count - shown.count
        return HTML.section(
            numbers.hasEpochs ? "Over epochs" : "Over steps", id: "curves",
            [
                tiles.isEmpty
                    ? ""
                    : HTML.quiet(
                        "Means over seeds, first configurations in colour; the band reaches from the lowest seed to the highest."
                    ),
                tiles.isEmpty ? "" : context.legend(over: Array(numbers.configurations.indices)), HTML.tiles(tiles),
                folded.isEmpty
                    ? ""
                    : "<details><summary>\(folded.count) further measures</summary>\(HTML.tiles(folded))</details>",
                left > 0 ? HTML.quiet("\(left) further measures are left out here; radiata export has them.") : "",
                training(context)?.html(.page) ?? "",
            ])
    }

    private func plot(_ measure: Measure, _ context: ReportContext) -> LinePlot {
        let numbers = context.numbers
        let isCurve = measure.prompts == nil
        var series: [LinePlot.Series] = []
        var quiet = 0
        for index in numbers.configurations.indices {
            let path = numbers.path(measure, of: index)
            guard !path.isEmpty else { continue }
            if context.style(index) == .quiet {
                quiet += 1
                if quiet > Self.mostQuiet { continue }
            }
            let points = path.map { place in
                LinePlot.Point(
                    x: isCurve ? Double(place.step) : context.along(place), y: place.mean,
                    low: place.values.count > 1 ? place.low : nil, high: place.values.count > 1 ? place.high : nil)
            }
            series.append(
                LinePlot.Series(
                    name: numbers.configurations[index].label, style: context.style(index), points: points))
        }
        return LinePlot(
            title: context.title(measure),
            xAxis: Axis(isCurve || !numbers.hasEpochs ? "step" : "epoch"),
            yAxis: Axis(context.axisTitle(measure), kind: CurveAxis.kind(series)), series: series,
            references: context.references(measure), hasLegend: false)
    }

    /// The loss of the first configuration's jobs, one line a seed.
    private func training(_ context: ReportContext) -> LinePlot? {
        let curves = context.report.results.curves
        let loss = curves.keys.sorted().first { MetricInfo.of($0).lowerIsBetter && $0.lowercased().contains("loss") }
        guard let first = context.numbers.configurations.first, let key = loss ?? curves.keys.min() else { return nil }
        let jobs = first.jobs.sorted { ($0.seed, $0.id) < ($1.seed, $1.id) }
        let byJob = Dictionary(grouping: curves[key] ?? [], by: \.job)
        let series = jobs.enumerated().compactMap { index, job -> LinePlot.Series? in
            guard let values = byJob[job.id], values.count > 1 else { return nil }
            return LinePlot.Series(
                name: "seed \(job.seed)", style: SeriesStyle(index),
                points: values.sorted { $0.step < $1.step }.map { LinePlot.Point(x: Double($0.step), y: $0.value) })
        }
        guard !series.isEmpty else { return nil }
        let known = Set(jobs.map(\.id))
        var events: [LinePlot.Event] = []
        let saved = Set(context.report.results.results.lazy.filter { known.contains($0.job) }.map(\.step))
        for step in saved.sorted() {
            events.append(LinePlot.Event(x: Double(step), kind: .savePoint, text: "saved at step \(step)"))
        }
        for attempt in context.report.attempts where known.contains(attempt.job) && attempt.number > 1 {
            events.append(
                LinePlot.Event(
                    x: Double(attempt.resumedStep), kind: .attempt,
                    text: "attempt \(attempt.number) went on from step \(attempt.resumedStep)"))
        }
        return LinePlot(
            title: "Training of \(first.label)", xAxis: Axis("step"),
            yAxis: Axis("\(key) of \(first.label)", kind: CurveAxis.kind(series)), series: series, events: events)
    }
}

/// Whether a curve is read better on a logarithmic axis.
enum CurveAxis {
    /// From here on a linear axis would show one corner only.
    private static let largestRatio = 30.0

    static func kind(_ series: [LinePlot.Series]) -> Axis.Kind {
        let values = series.flatMap { $0.points.map(\.y) }.filter(\.isFinite)
        guard let low = values.min(), let high = values.max(), low > 0, high / low > largestRatio else {
            return .linear
        }
        return .logarithmic
    }
}
