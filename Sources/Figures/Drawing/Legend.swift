/// What marks and lines mean, below a figure, or once for several figures on a page.
package struct Legend: Sendable {
    package enum Sample: Sendable {
        case line(SeriesStyle)
        case mark(SeriesStyle)
        case floor, bound, front, ring, tie, mean, seed, save, attempt, ramp, fallen, outside
    }

    package struct Entry: Sendable {
        package var sample: Sample
        package var text: String

        package init(_ sample: Sample, _ text: String) {
            self.sample = sample
            self.text = text
        }
    }

    package var entries: [Entry]

    package init(_ entries: [Entry]) { self.entries = entries }

    private static let sampleWidth = 30.0
    private static let gap = 7.0
    private static let between = 16.0

    private static func lineHeight(_ width: Double) -> Double { Drawing.textSize(width) * 1.5 }

    /// Where each entry begins: (line, x, room for its text).
    private func places(_ width: Double) -> [(line: Int, x: Double, room: Double)] {
        var (line, x) = (0, 0.0)
        return entries.map { entry in
            let text = TextWidth.of(entry.text, size: Drawing.textSize(width))
            let room = min(text, width - Self.sampleWidth - Self.gap)
            if x > 0, x + Self.sampleWidth + Self.gap + room > width { (line, x) = (line + 1, 0) }
            defer { x += Self.sampleWidth + Self.gap + room + Self.between }
            return (line, x, room)
        }
    }

    func height(_ width: Double) -> Double {
        entries.isEmpty ? 0 : Double((places(width).last?.line ?? 0) + 1) * Self.lineHeight(width) + 6
    }

    func draw(on drawing: inout Drawing, x left: Double, top: Double, width: Double) {
        for (entry, place) in zip(entries, places(width)) {
            let base = top + 6 + (Double(place.line) + 0.8) * Self.lineHeight(width)
            Self.draw(entry.sample, on: &drawing, x: left + place.x, y: base - drawing.textSize * 0.35)
            drawing.text(
                entry.text, x: left + place.x + Self.sampleWidth + Self.gap, y: base, room: place.room + 0.01, "ink")
        }
    }

    private static func draw(_ sample: Sample, on drawing: inout Drawing, x: Double, y: Double) {
        let (end, middle) = (x + sampleWidth, x + sampleWidth / 2)
        switch sample {
        case .line(let style):
            drawing.line(x, y, end, y, "l \(style.name)")
            drawing.mark(style, x: middle, y: y, radius: 4)
        case .mark(let style): drawing.mark(style, x: middle, y: y, radius: 5)
        case .floor: drawing.line(x, y, end, y, "floor")
        case .bound: drawing.line(x, y, end, y, "bound")
        case .front: drawing.line(x, y, end, y, "front")
        case .ring: drawing.circle(x: middle, y: y, radius: 6, "ring")
        case .fallen: drawing.cross(x: middle, y: y, radius: 5, "fallen")
        case .outside: drawing.circle(x: middle, y: y, radius: 6, "outside")
        case .tie: drawing.rectangle(x: x, y: y - 6, width: sampleWidth, height: 12, "tie", radius: 2)
        case .mean: drawing.line(middle - 7, y, middle + 7, y, "mean")
        case .seed: drawing.circle(x: middle, y: y, radius: 2.5, "seed")
        case .save: drawing.path([(middle - 4, y + 4), (middle + 4, y + 4), (middle, y - 3)], "save", isClosed: true)
        case .attempt: drawing.line(middle, y - 7, middle, y + 7, "attempt")
        case .ramp:
            let width = sampleWidth / Double(FigureTheme.rampSteps)
            for step in 0..<FigureTheme.rampSteps {
                drawing.rectangle(x: x + Double(step) * width, y: y - 5, width: width, height: 10, "bar r\(step)")
            }
        }
    }

    /// A list of its own, for several figures that share their series.
    package func html() -> String {
        let items = entries.map { entry in
            var drawing = Drawing(width: Self.sampleWidth, height: 14)
            Self.draw(entry.sample, on: &drawing, x: 0, y: 7)
            return "<li class=\"figure\"><svg viewBox=\"0 0 30 14\" aria-hidden=\"true\">\(drawing.body)</svg>"
                + "<span>\(XMLText.escaped(entry.text))</span></li>"
        }
        return items.isEmpty ? "" : "<ul class=\"legend\">\(items.joined(separator: "\n"))</ul>"
    }
}

/// A line across a plot: what the base model reaches without an adapter, and what can be attained at all.
package struct ReferenceLine: Sendable {
    package enum Kind: Sendable { case floor, bound }

    package var kind: Kind
    package var name: String
    package var value: Double

    package init(_ kind: Kind, _ name: String, value: Double) {
        self.kind = kind
        self.name = name
        self.value = value
    }

    var looks: String { kind == .floor ? "floor" : "bound" }

    var entry: Legend.Entry {
        Legend.Entry(kind == .floor ? .floor : .bound, "\(name) \(NumberText.short(value))")
    }
}
