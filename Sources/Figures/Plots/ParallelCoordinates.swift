/// One line a run through all of its parameters and measures; the colour tells how good it is.
///
/// The axes stand side by side where there is room, and below one another where there is not.
package struct ParallelCoordinates: Figure {
    package struct Line: Sendable {
        /// One per axis; nil where it has none.
        package var values: [Double?]
        /// From 0 (the worst) to 1 (the best).
        package var goodness: Double
        package var text: String
        /// The one that the words call best.
        package var isBest: Bool

        package init(values: [Double?], goodness: Double, text: String, isBest: Bool = false) {
            self.values = values
            self.goodness = goodness
            self.text = text
            self.isBest = isBest
        }
    }

    package var title: String
    package var axes: [Axis]
    package var lines: [Line]

    package init(title: String, axes: [Axis], lines: [Line]) {
        self.title = title
        self.axes = axes
        self.lines = lines
    }

    package var summary: String {
        let best = lines.first(where: \.isBest).map { " The best one: \($0.text)." } ?? ""
        return
            "\(lines.count) lines through \(axes.map(\.title).joined(separator: ", ")); darker or brighter is better."
            + best
    }

    private static let fieldHeight = 300.0

    package func drawing(width: Double) -> Drawing {
        let size = Drawing.textSize(width)
        // An axis needs room for its labels on its right side.
        let isUpright = Drawing.isWide(width) && width / Double(max(1, axes.count)) >= size * 8
        return isUpright ? upright(width: width) : lying(width: width)
    }

    private func values(_ axis: Int) -> [Double] { lines.compactMap { $0.values[axis] } }

    /// Axes from the bottom up, side by side.
    private func upright(width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let (top, band) = (size * 2.2, width / Double(max(1, axes.count)))
        drawing.height = top + Self.fieldHeight + 10
        let scales = axes.indices.map { axis in
            axes[axis].scale(values(axis), from: top + Self.fieldHeight - 6, to: top + 6, isRounded: false)
        }
        func x(_ axis: Int) -> Double { 6 + Double(axis) * band }
        for index in axes.indices {
            drawing.line(x(index), top, x(index), top + Self.fieldHeight, "base")
            drawing.text(axes[index].title, x: x(index) - 4, y: size * 1.1, room: band - 10, isBold: true)
        }
        draw(on: &drawing) { axis, value in (x(axis), scales[axis].position(value)) }
        for index in axes.indices {
            for tick in labels(axes[index], scales[index], most: 6, apart: size * 1.3) {
                let y = scales[index].position(tick.value)
                drawing.line(x(index) - 3, y, x(index) + 3, y, "base")
                drawing.text(tick.text, x: x(index) + 7, y: y + size * 0.35, room: band - 18, "halo ink")
            }
        }
        return drawing
    }

    /// Axes along the width, below one another.
    private func lying(width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let rowHeight = size * 5.2
        let scales = axes.indices.map { axes[$0].scale(values($0), from: 14, to: width - 14, isRounded: false) }
        func y(_ axis: Int) -> Double { size * 1.9 + Double(axis) * rowHeight }
        drawing.height = y(max(0, axes.count - 1)) + size * 2.2
        for index in axes.indices { drawing.line(4, y(index), width - 4, y(index), "base") }
        draw(on: &drawing) { axis, value in (scales[axis].position(value), y(axis)) }
        for index in axes.indices {
            drawing.text(axes[index].title, x: 4, y: y(index) - size * 0.75, room: width - 8, "halo", isBold: true)
            for tick in rowLabels(axes[index], scales[index], size: size, width: width) {
                let x = scales[index].position(tick.value)
                drawing.line(x, y(index) - 3, x, y(index) + 3, "base")
                let room = (scales[index] as? CategoryScale).map { $0.band - 4 } ?? width
                drawing.text(tick.text, x: x, y: y(index) + size * 1.4, room: room, anchor: .middle, "halo ink")
            }
        }
        return drawing
    }

    /// The worst first, so that the best lie on top.
    private func draw(on drawing: inout Drawing, at place: (Int, Double) -> (x: Double, y: Double)) {
        for line in lines.sorted(by: { ($0.isBest ? 2 : $0.goodness) < ($1.isBest ? 2 : $1.goodness) }) {
            let step = Int((max(0, min(1, line.goodness)) * Double(FigureTheme.rampSteps - 1)).rounded())
            // A gap in the values is a gap in the line.
            for run in line.values.enumerated().split(whereSeparator: { !($0.element ?? .nan).isFinite }) {
                drawing.path(
                    run.map { place($0.offset, $0.element ?? 0) }, line.isBest ? "ring" : "l thin r\(step)",
                    title: line.text)
            }
        }
    }

    private func ticks(_ axis: Axis, _ scale: any AxisScale, _ count: Int) -> [AxisTick] {
        if !axis.marks.isEmpty, axis.marks.count <= count {
            return axis.marks.sorted().map { AxisTick(value: $0, text: NumberText.plain($0)) }
        }
        return scale.ticks(count)
    }

    /// Those that keep apart; names are kept as long as they do.
    private func labels(_ axis: Axis, _ scale: any AxisScale, most: Int, apart: Double) -> [AxisTick] {
        let all = ticks(axis, scale, most)
        var last = Double.infinity
        return all.filter { tick in
            let place = scale.position(tick.value)
            guard last - place >= apart || last == .infinity else { return false }
            last = place
            return true
        }
    }

    private func rowLabels(_ axis: Axis, _ scale: any AxisScale, size: Double, width: Double) -> [AxisTick] {
        if let categories = scale as? CategoryScale { return categories.band >= size * 2 ? categories.ticks(0) : [] }
        var last = -Double.infinity
        let all = axis.marks.isEmpty ? RowTicks.fitted(scale, size: size, width: width) : ticks(axis, scale, 12)
        return all.filter { tick in
            let (x, half) = (scale.position(tick.value), TextWidth.of(tick.text, size: size) / 2)
            guard x - half >= last + 8 || last == -.infinity, x + half <= width, x - half >= 0 else { return false }
            last = x + half
            return true
        }
    }
}
