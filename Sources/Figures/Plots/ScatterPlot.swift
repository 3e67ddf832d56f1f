/// One value against another, points of a series joined in their order: training further is a path.
package struct ScatterPlot: Figure {
    package struct Point: Sendable {
        package var x: Double
        package var y: Double
        package var text: String
        /// No other point is better in both.
        package var isOnFront: Bool
        /// The one that the words call best.
        package var isBest: Bool
        /// False for one beside its series' path.
        package var isJoined = true
        /// Crossed out: it lost in both directions.
        package var isFallen = false
        /// Ringed: it lies outside of what is thought to be safe.
        package var isOutside = false

        package init(x: Double, y: Double, text: String, isOnFront: Bool = false, isBest: Bool = false) {
            self.x = x
            self.y = y
            self.text = text
            self.isOnFront = isOnFront
            self.isBest = isBest
        }
    }

    package struct Series: Sendable {
        package var name: String
        package var style: SeriesStyle
        /// In the order of training; points that are not finite are left out.
        package var points: [Point]

        package init(name: String, style: SeriesStyle, points: [Point]) {
            self.name = name
            self.style = style
            self.points = points
        }
    }

    package var title: String
    package var xAxis: Axis
    package var yAxis: Axis
    package var series: [Series]
    package var xReferences: [ReferenceLine]
    package var yReferences: [ReferenceLine]
    package var hasLegend: Bool

    package init(
        title: String, xAxis: Axis, yAxis: Axis, series: [Series], xReferences: [ReferenceLine] = [],
        yReferences: [ReferenceLine] = [], hasLegend: Bool = true
    ) {
        self.title = title
        self.xAxis = xAxis
        self.yAxis = yAxis
        self.series = series
        self.xReferences = xReferences
        self.yReferences = yReferences
        self.hasLegend = hasLegend
    }

    private var points: [Point] { series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite } }

    package var summary: String {
        let front = points.filter(\.isOnFront)
        var sentences = ["\(points.count) points of \(series.count) series: \(yAxis.title) against \(xAxis.title)."]
        if !front.isEmpty {
            sentences.append("On the Pareto front: \(front.prefix(12).map(\.text).joined(separator: "; ")).")
        }
        for (kind, flag) in [("Crossed out", \Point.isFallen), ("Outside of the window", \.isOutside)] {
            let found = points.filter { $0[keyPath: flag] }
            guard !found.isEmpty else { continue }
            sentences.append("\(kind): \(found.prefix(12).map(\.text).joined(separator: "; ")).")
        }
        if let best = points.first(where: \.isBest) { sentences.append("The ring is around \(best.text).") }
        return sentences.joined(separator: " ")
    }

    private var legend: Legend {
        var entries: [Legend.Entry] = []
        let points = points
        if points.contains(where: \.isBest) { entries.append(Legend.Entry(.ring, "best")) }
        if points.count(where: \.isOnFront) > 1 { entries.append(Legend.Entry(.front, "Pareto front")) }
        if points.contains(where: \.isFallen) { entries.append(Legend.Entry(.fallen, "collapsed")) }
        if points.contains(where: \.isOutside) { entries.append(Legend.Entry(.outside, "past the window")) }
        entries += (yReferences + xReferences).map(\.entry)
        if hasLegend {
            entries += series.filter { $0.style.index != nil }.map { Legend.Entry(.line($0.style), $0.name) }
            if series.contains(where: { $0.style == .quiet }) { entries.append(Legend.Entry(.line(.quiet), "others")) }
        }
        return Legend(entries)
    }

    package func drawing(width: Double) -> Drawing {
        let points = points
        let frame = AxisFrame(
            width: width, top: 0, fieldHeight: Drawing.isWide(width) ? 420 : 280, xAxis: xAxis, yAxis: yAxis,
            xs: points.map(\.x) + xReferences.map(\.value), ys: points.map(\.y) + yReferences.map(\.value))
        var drawing = Drawing(width: width, height: frame.foot + legend.height(width))
        frame.draw(on: &drawing)
        for reference in yReferences where reference.value.isFinite {
            let y = frame.y.position(reference.value)
            drawing.line(frame.left, y, frame.right, y, reference.looks, title: reference.entry.text)
        }
        for reference in xReferences where reference.value.isFinite {
            let x = frame.x.position(reference.value)
            drawing.line(x, frame.top, x, frame.bottom, reference.looks, title: reference.entry.text)
        }
        let front = points.filter(\.isOnFront).sorted { ($0.x, $0.y) < ($1.x, $1.y) }
        drawing.path(front.map { frame.point($0.x, $0.y) }, "front")
        for series in series.filter({ $0.style == .quiet }) + series.filter({ $0.style != .quiet }).reversed() {
            draw(series, in: frame, on: &drawing, hasFront: !front.isEmpty)
        }
        for point in points where point.isBest {
            let place = frame.point(point.x, point.y)
            drawing.circle(x: place.x, y: place.y, radius: 9, "ring", title: point.text)
        }
        for point in points where point.isOutside || point.isFallen {
            let place = frame.point(point.x, point.y)
            if point.isOutside { drawing.circle(x: place.x, y: place.y, radius: 7.5, "outside", title: point.text) }
            if point.isFallen { drawing.cross(x: place.x, y: place.y, radius: 6, "fallen") }
        }
        legend.draw(on: &drawing, x: 0, top: frame.foot, width: width)
        return drawing
    }

    /// The path grows towards its end: the last mark is the largest. Dominated points are dimmed.
    private func draw(_ series: Series, in frame: AxisFrame, on drawing: inout Drawing, hasFront: Bool) {
        let points = series.points.filter { $0.x.isFinite && $0.y.isFinite }
        let joined = points.filter(\.isJoined).map { frame.point($0.x, $0.y) }
        drawing.path(joined, "l thin \(series.style.name)", title: series.name)
        for (index, point) in points.enumerated() {
            let place = frame.point(point.x, point.y)
            let share = points.count > 1 ? Double(index) / Double(points.count - 1) : 1
            drawing.mark(
                series.style, x: place.x, y: place.y, radius: series.style == .quiet ? 2.5 : 3 + 2.2 * share,
                hasFront && !point.isOnFront ? "dim" : "", title: point.text)
        }
    }
}
