/// What each feature does to a value: a mark a run, those of one row side by side where they would lie on
/// each other.
///
/// The colour tells how high the feature is there. Of names there is no high and low: each has a row of its
/// own, in grey.
package struct Beeswarm: Figure {
    package struct Point: Sendable {
        package var value: Double
        /// From 0 (the lowest value of the feature) to 1; nil for names.
        package var shade: Double?

        package init(value: Double, shade: Double? = nil) {
            self.value = value
            self.shade = shade
        }
    }

    package struct Row: Sendable {
        package var label: String
        package var points: [Point]

        package init(label: String, points: [Point]) {
            self.label = label
            self.points = points
        }
    }

    package var title: String
    package var axis: Axis
    /// A line below the axis' title: how far to believe it.
    package var note: String
    /// The most important first.
    package var rows: [Row]

    package init(title: String, axis: Axis, note: String, rows: [Row]) {
        self.title = title
        self.axis = axis
        self.note = note
        self.rows = rows.map { row in
            Row(label: row.label, points: row.points.filter(\.value.isFinite))
        }
    }

    private static let radius = 2.6
    /// Marks in a row beyond these are thinned: more only hide each other.
    private static let mostPoints = 100

    package var summary: String {
        let told = rows.prefix(12).map { row in
            let values = row.points.map(\.value)
            let (low, high) = (values.min() ?? 0, values.max() ?? 0)
            return "\(row.label): \(NumberText.short(low)) to \(NumberText.short(high))"
        }
        return "\(axis.title), \(note), \(rows.count) rows, the most important first. \(told.joined(separator: "; "))."
    }

    private var legend: Legend {
        var entries: [Legend.Entry] = []
        if rows.contains(where: { $0.points.contains { $0.shade != nil } }) {
            entries.append(Legend.Entry(.ramp, "low to high value of the feature"))
        }
        if rows.contains(where: { $0.points.contains { $0.shade == nil } }) {
            entries.append(Legend.Entry(.mark(.quiet), "a name"))
        }
        return Legend(entries)
    }

    package func drawing(width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let labels = rows.map { TextWidth.of($0.label, size: size) + 0.01 }.max() ?? 0
        let labelRoom = drawing.isWide ? min(labels, width * 0.34) : width - 16
        let left = drawing.isWide ? labelRoom + 24 : 8
        let (half, labelHeight) = (drawing.isWide ? 15.0 : 13, drawing.isWide ? 0 : size * 1.5)
        let rowHeight = 2 * half + labelHeight + 4
        let top = size * 3.3
        let bottom = top + Double(rows.count) * rowHeight
        let scale = axis.scale(
            rows.flatMap { $0.points.map(\.value) } + [0], from: left + 10, to: width - 16, isRounded: false)
        drawing.height = bottom + size * 1.9 + legend.height(width)
        drawing.text(axis.title, x: 0, y: size * 1.1, room: width, isBold: true)
        drawing.text(note, x: 0, y: size * 2.5, room: width)
        func middle(_ row: Int) -> Double { top + Double(row) * rowHeight + labelHeight + half }
        for tick in RowTicks.fitted(scale, size: size, width: width) {
            let x = scale.position(tick.value)
            for row in rows.indices { drawing.line(x, middle(row) - half, x, middle(row) + half, "grid") }
            drawing.text(tick.text, x: x, y: bottom + size * 1.4, room: width, anchor: .middle)
        }
        let zero = scale.position(0)
        for (index, row) in rows.enumerated() {
            drawing.line(zero, middle(index) - half, zero, middle(index) + half, "base")
            drawing.text(
                row.label, x: drawing.isWide ? 4 : 8,
                y: middle(index) + (drawing.isWide ? size * 0.35 : -half - size * 0.4),
                room: labelRoom, "ink")
            draw(row, at: middle(index), half: half - Self.radius, scale, on: &drawing)
        }
        legend.draw(on: &drawing, x: 0, top: bottom + size * 1.9, width: width)
        return drawing
    }

    private func draw(_ row: Row, at middle: Double, half: Double, _ scale: any AxisScale, on drawing: inout Drawing) {
        let every = max(1, (row.points.count + Self.mostPoints - 1) / Self.mostPoints)
        let points = row.points.enumerated().filter { $0.offset % every == 0 }.map(\.element)
            .sorted { ($0.value, $0.shade ?? 0) < ($1.value, $1.shade ?? 0) }
        // Columns as wide as a mark; in each one marks are stacked from the middle to both sides.
        let columns = Dictionary(grouping: points.indices) {
            Int((scale.position(points[$0].value) / 4).rounded(.down))
        }
        for (_, members) in columns.sorted(by: { $0.key < $1.key }) {
            let step = min(2 * Self.radius, members.count > 1 ? 2 * half / Double(members.count - 1) : 0)
            for (place, index) in members.enumerated() {
                let side = place % 2 == 0 ? 1.0 : -1
                let y = middle + side * Double((place + 1) / 2) * step
                let looks = points[index].shade.map { "r\(Self.rung($0))" } ?? SeriesStyle.quiet.name
                drawing.circle(
                    x: scale.position(points[index].value), y: max(middle - half, min(middle + half, y)),
                    radius: Self.radius, "m \(looks)")
            }
        }
    }

    private static func rung(_ shade: Double) -> Int {
        Int((max(0, min(1, shade)) * Double(FigureTheme.rampSteps - 1)).rounded())
    }
}
