/// An estimate with its interval in each row, best first.
package struct IntervalPlot: Figure {
    package struct Row: Sendable {
        package var label: String
        package var estimate: Double
        /// Bounds of the interval; nil where it is not known.
        package var low: Double?
        package var high: Double?
        /// The values behind it, one a seed.
        package var values: [Double]
        /// It cannot be told from the best one.
        package var isTied: Bool
        /// The one that the words call best.
        package var isBest: Bool

        package init(
            label: String, estimate: Double, low: Double? = nil, high: Double? = nil, values: [Double] = [],
            isTied: Bool = false, isBest: Bool = false
        ) {
            self.label = label
            self.estimate = estimate
            self.low = low
            self.high = high
            self.values = values
            self.isTied = isTied
            self.isBest = isBest
        }
    }

    package var title: String
    package var axis: Axis
    package var rows: [Row]
    package var references: [ReferenceLine]
    /// What the whiskers are, for example `90 % interval`; nil where there are none.
    package var intervalName: String?

    package init(
        title: String, axis: Axis, rows: [Row], references: [ReferenceLine] = [], intervalName: String? = nil
    ) {
        self.title = title
        self.axis = axis
        self.rows = rows
        self.references = references
        self.intervalName = intervalName
    }

    package var summary: String {
        let told = rows.prefix(12).map { "\($0.label): \(Self.text($0))" }
        return "\(axis.title), \(rows.count) rows, best first. " + told.joined(separator: "; ") + "."
    }

    /// `0.694 ± 0.020`; with an interval that is longer on one side `0.694 (0.650 to 0.712)`.
    private static func text(_ row: Row) -> String {
        let value = NumberText.short(row.estimate)
        guard let low = row.low, let high = row.high else { return value }
        let isEven = abs(high + low - 2 * row.estimate) <= 0.02 * (high - low)
        guard isEven else { return "\(value) (\(NumberText.short(low)) to \(NumberText.short(high)))" }
        return "\(value) ± \(NumberText.short((high - low) / 2, digits: 2))"
    }

    private var legend: Legend {
        var entries: [Legend.Entry] = []
        if let intervalName { entries.append(Legend.Entry(.line(SeriesStyle(0)), intervalName)) }
        if rows.contains(where: { $0.values.count > 1 }) { entries.append(Legend.Entry(.seed, "one seed")) }
        if rows.contains(where: \.isBest) { entries.append(Legend.Entry(.ring, "best")) }
        if rows.contains(where: \.isTied) { entries.append(Legend.Entry(.tie, "not separable from the best")) }
        return Legend(entries + references.map(\.entry))
    }

    /// Where things stand at one width.
    private struct Layout {
        let rowHeight: Double
        let left: Double
        let right: Double
        let top: Double
        /// From a row's top to its whisker.
        let middle: Double
        /// From a row's top to its label's base line.
        let base: Double
        let labelRoom: Double
    }

    private func layout(_ drawing: Drawing) -> Layout {
        let size = drawing.textSize
        let values = rows.map { TextWidth.of(Self.text($0), size: size) }.max() ?? 0
        guard drawing.isWide else {
            return Layout(
                rowHeight: size * 3, left: 8, right: drawing.width - 8, top: size * 1.9, middle: size * 2.1,
                base: size * 1.25, labelRoom: drawing.width - 16 - values - 10)
        }
        let labels = rows.map { TextWidth.of($0.label, size: size, isBold: $0.isBest) + 0.01 }.max() ?? 0
        let room = min(labels, drawing.width * 0.42)
        return Layout(
            rowHeight: size * 2, left: room + 24, right: drawing.width - values - 24, top: size * 1.9, middle: size,
            base: size * 1.35, labelRoom: room)
    }

    package func drawing(width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let layout = layout(drawing)
        let bottom = layout.top + Double(rows.count) * layout.rowHeight
        let values = rows.flatMap { [$0.estimate, $0.low ?? $0.estimate, $0.high ?? $0.estimate] + $0.values }
        let scale = axis.scale(
            values + references.map(\.value), from: layout.left + 10, to: layout.right - 10, isRounded: false)
        drawing.height = bottom + size * 1.9 + legend.height(width)
        for (index, row) in rows.enumerated() where row.isTied {
            drawing.rectangle(
                x: 0, y: layout.top + Double(index) * layout.rowHeight, width: width, height: layout.rowHeight, "tie")
        }
        let spans = spans(layout, bottom: bottom, isWide: drawing.isWide)
        for tick in RowTicks.fitted(scale, size: size, width: width) {
            let x = scale.position(tick.value)
            for span in spans { drawing.line(x, span.lowerBound, x, span.upperBound, "grid") }
            drawing.text(tick.text, x: x, y: bottom + size * 1.4, room: width, anchor: .middle)
        }
        drawing.text(axis.title, x: 0, y: size * 1.1, room: width, isBold: true)
        for reference in references where reference.value.isFinite {
            let x = scale.position(reference.value)
            for span in spans {
                drawing.line(x, span.lowerBound, x, span.upperBound, reference.looks, title: reference.entry.text)
            }
        }
        for (index, row) in rows.enumerated() {
            draw(row, at: layout.top + Double(index) * layout.rowHeight, layout, scale, on: &drawing)
        }
        legend.draw(on: &drawing, x: 0, top: bottom + size * 1.9, width: width)
        return drawing
    }

    /// Where lines run down without crossing a label: beside the labels all the way, else below each of them.
    private func spans(_ layout: Layout, bottom: Double, isWide: Bool) -> [ClosedRange<Double>] {
        if isWide { return [layout.top...(bottom + 4)] }
        return rows.indices.map { index in
            let middle = layout.top + Double(index) * layout.rowHeight + layout.middle
            return (middle - 7)...(middle + 9)
        }
    }

    private func draw(
        _ row: Row, at top: Double, _ layout: Layout, _ scale: any AxisScale, on drawing: inout Drawing
    ) {
        let middle = top + layout.middle
        let style = SeriesStyle(0)
        drawing.text(
            row.label, x: drawing.isWide ? 4 : 8, y: top + layout.base, room: layout.labelRoom, "ink",
            isBold: row.isBest)
        drawing.text(
            Self.text(row), x: drawing.width - 8, y: top + layout.base, room: drawing.width, anchor: .end, "ink")
        guard row.estimate.isFinite else { return }
        if let low = row.low, let high = row.high, low.isFinite, high.isFinite {
            let (a, b) = (scale.position(low), scale.position(high))
            drawing.line(a, middle, b, middle, "w \(style.name)")
            for end in [a, b] { drawing.line(end, middle - 4, end, middle + 4, "w \(style.name)") }
        }
        for value in row.values where value.isFinite && row.values.count > 1 {
            drawing.circle(
                x: scale.position(value), y: middle, radius: 2.5, "seed", title: "one seed: \(NumberText.short(value))")
        }
        let x = scale.position(row.estimate)
        drawing.mark(style, x: x, y: middle, radius: 5, title: "\(row.label): \(Self.text(row))")
        if row.isBest { drawing.circle(x: x, y: middle, radius: 8.5, "ring") }
    }
}
