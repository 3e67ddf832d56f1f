/// A value over steps or epochs, one line a series.
package struct LinePlot: Figure {
    package struct Point: Sendable {
        package var x: Double
        /// Not finite where nothing could be measured: the line breaks there.
        package var y: Double
        /// The band around it; nil for none.
        package var low: Double?
        package var high: Double?

        package init(x: Double, y: Double, low: Double? = nil, high: Double? = nil) {
            self.x = x
            self.y = y
            self.low = low
            self.high = high
        }
    }

    package struct Series: Sendable {
        package var name: String
        package var style: SeriesStyle
        /// In increasing order of `x`.
        package var points: [Point]

        package init(name: String, style: SeriesStyle, points: [Point]) {
            self.name = name
            self.style = style
            self.points = points
        }
    }

    /// Something that happened at one place of the width.
    package struct Event: Sendable {
        package enum Kind: Sendable { case savePoint, attempt }

        package var x: Double
        package var kind: Kind
        package var text: String

        package init(x: Double, kind: Kind, text: String) {
            self.x = x
            self.kind = kind
            self.text = text
        }
    }

    package var title: String
    package var xAxis: Axis
    package var yAxis: Axis
    /// The last ones are drawn on top.
    package var series: [Series]
    package var references: [ReferenceLine]
    package var events: [Event]
    /// False where a legend on the page serves several plots; references are always told.
    package var hasLegend: Bool

    package init(
        title: String, xAxis: Axis, yAxis: Axis, series: [Series], references: [ReferenceLine] = [],
        events: [Event] = [], hasLegend: Bool = true
    ) {
        self.title = title
        self.xAxis = xAxis
        self.yAxis = yAxis
        self.series = series
        self.references = references
        self.events = events
        self.hasLegend = hasLegend
    }

    /// Lines with more points are drawn without a mark at each.
    private static let mostMarks = 40
    /// Marks that tell such a line from others.
    private static let sparseMarks = 6

    package var summary: String {
        let ends = series.filter { $0.style.index != nil }.prefix(SeriesStyle.count).compactMap { series in
            series.points.last { $0.y.isFinite }.map { "\(series.name) ends at \(NumberText.short($0.y))" }
        }
        return "\(yAxis.title) over \(xAxis.title), \(series.count) lines. " + ends.joined(separator: "; ") + "."
    }

    private var legend: Legend {
        var entries = references.map(\.entry)
        if hasLegend {
            entries += series.filter { $0.style.index != nil }.map { Legend.Entry(.line($0.style), $0.name) }
            if series.contains(where: { $0.style == .quiet }) { entries.append(Legend.Entry(.line(.quiet), "others")) }
        }
        if events.contains(where: { $0.kind == .savePoint }) { entries.append(Legend.Entry(.save, "save point")) }
        if events.contains(where: { $0.kind == .attempt }) { entries.append(Legend.Entry(.attempt, "new attempt")) }
        return Legend(entries)
    }

    package func drawing(width: Double) -> Drawing {
        let points = series.flatMap(\.points)
        let heights = points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] } + references.map(\.value)
        let frame = AxisFrame(
            width: width, top: 0, fieldHeight: Drawing.isWide(width) ? 300 : 190, xAxis: xAxis, yAxis: yAxis,
            xs: points.map(\.x), ys: heights)
        var drawing = Drawing(width: width, height: frame.foot + legend.height(width))
        frame.draw(on: &drawing)
        for reference in references where reference.value.isFinite {
            let y = frame.y.position(reference.value)
            drawing.line(frame.left, y, frame.right, y, reference.looks, title: reference.entry.text)
        }
        for event in events { draw(event, in: frame, on: &drawing) }
        let ordered = series.filter { $0.style == .quiet } + series.filter { $0.style != .quiet }.reversed()
        for series in ordered { band(series, in: frame, on: &drawing) }
        for series in ordered { line(series, in: frame, on: &drawing) }
        legend.draw(on: &drawing, x: 0, top: frame.foot, width: width)
        return drawing
    }

    private func draw(_ event: Event, in frame: AxisFrame, on drawing: inout Drawing) {
        let x = frame.x.position(event.x)
        switch event.kind {
        case .attempt: drawing.line(x, frame.top, x, frame.bottom, "attempt", title: event.text)
        case .savePoint:
            drawing.path(
                [(x - 4, frame.bottom), (x + 4, frame.bottom), (x, frame.bottom - 7)], "save", isClosed: true,
                title: event.text)
        }
    }

    private func band(_ series: Series, in frame: AxisFrame, on drawing: inout Drawing) {
        let points = series.points.filter { ($0.low ?? .nan).isFinite && ($0.high ?? .nan).isFinite }
        guard points.count > 1, series.style != .quiet else { return }
        let upper = points.map { frame.point($0.x, $0.high ?? $0.y) }
        let lower = points.reversed().map { frame.point($0.x, $0.low ?? $0.y) }
        drawing.path(upper + lower, "b \(series.style.name)", isClosed: true)
    }

    private func line(_ series: Series, in frame: AxisFrame, on drawing: inout Drawing) {
        for run in series.points.split(whereSeparator: { !$0.y.isFinite }) {
            drawing.path(run.map { frame.point($0.x, $0.y) }, "l \(series.style.name)", title: series.name)
        }
        let points = series.points.filter(\.y.isFinite)
        guard series.style != .quiet || points.count == 1 else { return }
        let every = points.count <= Self.mostMarks ? 1 : points.count / Self.sparseMarks
        for (index, point) in points.enumerated() where index % every == every / 2 {
            let place = frame.point(point.x, point.y)
            let spread = point.low.flatMap { low in
                point.high.map { " (\(NumberText.short(low)) to \(NumberText.short($0)))" }
            }
            drawing.mark(
                series.style, x: place.x, y: place.y, radius: 4,
                title: "\(series.name): \(NumberText.short(point.y))\(spread ?? "") at \(NumberText.plain(point.x))")
        }
    }
}
