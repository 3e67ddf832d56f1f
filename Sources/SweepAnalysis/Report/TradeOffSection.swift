import Figures
import RunSpec

/// What was learned against what it cost: checkpoints as paths, and who is on the Pareto front.
struct TradeOffSection: ReportSection {
    private static let mostQuiet = 60

    func html(_ context: ReportContext) -> String {
        let numbers = context.numbers
        // Edits have a figure of their own.
        guard !EditCurve.isAnywhere(numbers) else { return "" }
        let all = Set(numbers.measures)
        func first(_ wanted: [(String, String)]) -> Measure? {
            wanted.map { Measure(metric: $0.0, prompts: $0.1) }.first(where: all.contains)
        }
        let fidelity = first([
            ("paired_fidelity", "holdout"), ("paired_fidelity", "train"), ("heldout_image_similarity", "trigger"),
            ("image_similarity", "trigger"), ("image_similarity", "train"), ("squared_centroid_distance", "trigger"),
        ])
        let control = first([
            ("text_similarity", "alter"), ("text_similarity", "trigger"), ("text_similarity", "train"),
        ])
        let costs = [
            first([("style_distance", "style")]), first([("copying", "trigger"), ("copying", "train")]),
            first([("vendi", "trigger"), ("vendi", "train")]),
        ].compactMap { $0 }
        var page: [String] = []
        var tiles: [any Figure] = []
        if let fidelity, let control { page.append(plot(x: control, y: fidelity, context).html(.page)) }
        if let fidelity { tiles = costs.map { plot(x: $0, y: fidelity, context) } }
        if page.isEmpty, tiles.isEmpty {
            let criteria = context.criteria.filter { $0.prompts != nil }
            guard criteria.count > 1 else { return "" }
            page.append(plot(x: criteria[1], y: criteria[0], context).html(.page))
        }
        return HTML.section(
            fidelity != nil && control != nil
                ? "Fidelity against controllability" : "What was learned, and what it cost",
            id: "trade-off",
            [
                HTML.quiet(
                    "Checkpoints of a configuration are joined in order, the last one largest: training too long is a "
                        + "path that turns back. Dominated checkpoints are dimmed."),
                page.joined(separator: "\n"), context.legend(over: Array(numbers.configurations.indices)),
                HTML.tiles(tiles), front(context),
            ])
    }

    private func plot(x: Measure, y: Measure, _ context: ReportContext) -> ScatterPlot {
        let numbers = context.numbers
        var series: [ScatterPlot.Series] = []
        var quiet = 0
        for index in numbers.configurations.indices {
            let heights = Dictionary(numbers.path(y, of: index).map { ($0.step, $0.mean) }) { first, _ in first }
            let path = numbers.path(x, of: index).filter { heights[$0.step] != nil }
            guard !path.isEmpty else { continue }
            if context.style(index) == .quiet {
                quiet += 1
                if quiet > Self.mostQuiet { continue }
            }
            let label = numbers.configurations[index].label
            series.append(
                ScatterPlot.Series(
                    name: label, style: context.style(index),
                    points: path.map { place in
                        ScatterPlot.Point(
                            x: place.mean, y: heights[place.step] ?? .nan,
                            text: "\(label), \(context.placeName(place))",
                            isBest: context.isBest(index, step: place.step))
                    }))
        }
        ParetoFront.mark(
            &series, xIsLower: context.lowerIsBetter(x), yIsLower: context.lowerIsBetter(y))
        return ScatterPlot(
            title: "\(context.title(y)) against \(context.title(x))", xAxis: Axis(context.axisTitle(x)),
            yAxis: Axis(context.axisTitle(y)), series: series,
            xReferences: Array(context.references(x).filter { $0.kind == .floor }.map(Self.named(context.title(x)))),
            yReferences: context.references(y), hasLegend: false)
    }

    private static func named(_ title: String) -> (ReferenceLine) -> ReferenceLine {
        { ReferenceLine($0.kind, "\($0.name), \(title)", value: $0.value) }
    }

    /// The front over all criteria of the rule, in words.
    private func front(_ context: ReportContext) -> String {
        let rows = context.answer.rows
        guard context.answer.rule.criteria.count > 1, !rows.isEmpty else { return "" }
        let front = rows.filter(\.isOnParetoFront)
        let names = front.prefix(12).map { "#\($0.rank) \(HTML.escaped($0.label))" }.joined(separator: "; ")
        let more = front.count > 12 ? " and \(front.count - 12) more" : ""
        return
            "<p><strong>On the Pareto front</strong> of all \(context.answer.rule.criteria.count) measures of the rule, "
            + "by their means: \(names)\(more). \(rows.count - front.count) of \(rows.count) configurations are dominated.</p>"
    }
}

/// Points that no other one beats in both directions.
enum ParetoFront {
    /// In n log n steps. Of equal points all are on the front.
    static func mark(_ series: inout [ScatterPlot.Series], xIsLower: Bool, yIsLower: Bool) {
        var places: [(series: Int, point: Int, x: Double, y: Double)] = []
        for (index, one) in series.enumerated() {
            for (place, point) in one.points.enumerated() where point.x.isFinite && point.y.isFinite {
                places.append((index, place, xIsLower ? -point.x : point.x, yIsLower ? -point.y : point.y))
            }
        }
        places.sort { ($0.x, $0.y) > ($1.x, $1.y) }
        var highest = -Double.infinity
        var last: (x: Double, y: Double)?
        for place in places {
            let isEqual = last.map { $0 == (place.x, place.y) } ?? false
            guard place.y > highest || isEqual else { continue }
            highest = max(highest, place.y)
            last = (place.x, place.y)
            series[place.series].points[place.point].isOnFront = true
        }
    }
}
