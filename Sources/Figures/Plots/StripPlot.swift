/// A measure against one parameter: a mark a run, a bar at the mean of each value.
///
/// Numbers run along the width. Names get a row each, since they need room to be read.
package struct StripPlot: Figure {
    package struct Point: Sendable {
        /// The parameter; with categories the index of its name.
        package var parameter: Double
        package var value: Double
        package var style: SeriesStyle
        package var text: String

        package init(parameter: Double, value: Double, style: SeriesStyle, text: String) {
            self.parameter = parameter
            self.value = value
            self.style = style
            self.text = text
        }
    }

    package var title: String
    package var parameter: Axis
    package var value: Axis
    package var points: [Point]
    package var references: [ReferenceLine]

    package init(title: String, parameter: Axis, value: Axis, points: [Point], references: [ReferenceLine] = []) {
        self.title = title
        self.parameter = parameter
        self.value = value
        self.points = points.filter { $0.parameter.isFinite && $0.value.isFinite }
        self.references = references
    }

    /// The mean of all points of each value of the parameter, in increasing order.
    package var means: [(parameter: Double, mean: Double, count: Int)] {
        Dictionary(grouping: points, by: \.parameter)
            .map { ($0.key, $0.value.reduce(0) { $0 + $1.value } / Double($0.value.count), $0.value.count) }
            .sorted { $0.0 < $1.0 }
    }

    package var summary: String {
        let told = means.prefix(12).map { mean in
            "\(name(mean.parameter)): \(NumberText.short(mean.mean))"
        }
        return "Means of \(value.title) by \(parameter.title): \(told.joined(separator: "; "))."
    }

    private var legend: Legend { Legend([Legend.Entry(.mean, "mean")] + references.map(\.entry)) }

    private func name(_ parameter: Double) -> String {
        if case .categories(let names) = self.parameter.kind, names.indices.contains(Int(parameter)) {
            return names[Int(parameter)]
        }
        return NumberText.plain(parameter)
    }

    package func drawing(width: Double) -> Drawing {
        if case .categories(let names) = parameter.kind { return rows(names, width: width) }
        let frame = AxisFrame(
            width: width, top: 0, fieldHeight: Drawing.isWide(width) ? 280 : 190, xAxis: parameter, yAxis: value,
            xs: points.map(\.parameter), ys: points.map(\.value) + references.map(\.value))
        var drawing = Drawing(width: width, height: frame.foot + legend.height(width))
        frame.draw(on: &drawing)
        for reference in references where reference.value.isFinite {
            let y = frame.y.position(reference.value)
            drawing.line(frame.left, y, frame.right, y, reference.looks, title: reference.entry.text)
        }
        for point in points.sorted(by: Self.quietFirst) {
            let place = frame.point(point.parameter, point.value)
            drawing.mark(point.style, x: place.x, y: place.y, radius: 3.5, title: title(point))
        }
        for mean in means {
            let place = frame.point(mean.parameter, mean.mean)
            drawing.line(
                place.x - 9, place.y, place.x + 9, place.y, "mean",
                title: "mean of \(mean.count): \(NumberText.short(mean.mean))")
        }
        legend.draw(on: &drawing, x: 0, top: frame.foot, width: width)
        return drawing
    }

    private static func quietFirst(_ a: Point, _ b: Point) -> Bool {
        a.style.index == nil && b.style.index != nil
    }

    private func title(_ point: Point) -> String {
        "\(point.text): \(NumberText.short(point.value)) at \(parameter.title) \(name(point.parameter))"
    }

    /// A row a name: the name above, its marks below.
    private func rows(_ names: [String], width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let (top, rowHeight) = (size * 2.4, size * 3.1)
        let bottom = top + Double(names.count) * rowHeight
        drawing.height = bottom + size * 3.1 + legend.height(width)
        let scale = value.scale(
            points.map(\.value) + references.map(\.value), from: 16, to: width - 16, isRounded: false)
        let middles = names.indices.map { top + Double($0) * rowHeight + size * 1.5 }
        // Lines stop short of the names.
        func lines(_ x: Double, _ looks: String, title: String? = nil) {
            for middle in middles { drawing.line(x, middle - 9, x, middle + 9, looks, title: title) }
        }
        for tick in RowTicks.fitted(scale, size: size, width: width) {
            let x = scale.position(tick.value)
            lines(x, "grid")
            drawing.text(tick.text, x: x, y: bottom + size * 1.4, room: width, anchor: .middle)
        }
        drawing.text(parameter.title, x: 0, y: size * 1.1, room: width, isBold: true)
        drawing.text(value.title, x: width / 2, y: bottom + size * 2.75, room: width, anchor: .middle, isBold: true)
        for reference in references where reference.value.isFinite {
            lines(scale.position(reference.value), reference.looks, title: reference.entry.text)
        }
        for (index, point) in points.sorted(by: Self.quietFirst).enumerated() {
            guard names.indices.contains(Int(point.parameter)) else { continue }
            // Spread a little, in a fixed order, so that equal values are seen to be several.
            let y = middles[Int(point.parameter)] + Double(index % 3 - 1) * 4
            drawing.mark(point.style, x: scale.position(point.value), y: y, radius: 3.5, title: title(point))
        }
        for mean in means where names.indices.contains(Int(mean.parameter)) {
            let (x, y) = (scale.position(mean.mean), middles[Int(mean.parameter)])
            drawing.line(x, y - 9, x, y + 9, "mean", title: "mean of \(mean.count): \(NumberText.short(mean.mean))")
        }
        for (index, name) in names.enumerated() {
            drawing.text(name, x: 8, y: middles[index] - size * 0.95, room: width - 16, "ink")
        }
        legend.draw(on: &drawing, x: 0, top: bottom + size * 3.1, width: width)
        return drawing
    }
}

/// Round values below rows.
enum RowTicks {
    /// As many as fit without touching, each whole.
    static func fitted(_ scale: any AxisScale, size: Double, width: Double) -> [AxisTick] {
        for count in stride(from: 8, through: 2, by: -1) {
            let ticks = scale.ticks(count).filter {
                let (x, half) = (scale.position($0.value), TextWidth.of($0.text, size: size) / 2)
                return x - half >= 0 && x + half <= width
            }
            let places = ticks.map { (scale.position($0.value), TextWidth.of($0.text, size: size) / 2) }
            if zip(places, places.dropFirst()).allSatisfy({ $0.0 + $0.1 + 8 <= $1.0 - $1.1 }) { return ticks }
        }
        return []
    }
}
