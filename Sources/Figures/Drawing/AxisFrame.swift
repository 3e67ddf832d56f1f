/// A plot's field with its axes: round values at the edges, the height's title above, the other below.
struct AxisFrame {
    let left: Double
    let right: Double
    let top: Double
    let bottom: Double
    let x: any AxisScale
    let y: any AxisScale
    private let xTitle: String
    private let yTitle: String
    private let xMarks: [Double]

    /// Below the field: tick labels, and the title.
    static func footHeight(_ width: Double) -> Double { Drawing.textSize(width) * 3.1 }

    /// - Parameters:
    ///   - width: of the whole drawing; the field is what labels leave of it.
    ///   - top: above the height's title.
    init(
        width: Double, top: Double, fieldHeight: Double, xAxis: Axis, yAxis: Axis, xs: some Sequence<Double>,
        ys: some Sequence<Double>
    ) {
        let size = Drawing.textSize(width)
        self.top = top + size * 1.9
        bottom = self.top + fieldHeight
        y = yAxis.scale(ys, from: bottom - 4, to: self.top + 4)
        let widest = y.ticks(6).map { TextWidth.of($0.text, size: size) }.max() ?? 0
        left = min(widest + 9, width * 0.4)
        right = width - 8
        // A field's ends stay free, so that marks there are whole.
        x = xAxis.scale(xs, from: left + 12, to: right - 12, isRounded: false)
        (xTitle, yTitle) = (xAxis.title, yAxis.title)
        xMarks = xAxis.marks
    }

    var foot: Double { bottom + Self.footHeight(right + 8) }

    func point(_ x: Double, _ y: Double) -> (x: Double, y: Double) { (self.x.position(x), self.y.position(y)) }

    func draw(on drawing: inout Drawing) {
        let size = drawing.textSize
        for tick in y.ticks(6) {
            let height = y.position(tick.value)
            guard height >= top - 0.5, height <= bottom + 0.5 else { continue }
            drawing.line(left, height, right, height, "grid")
            drawing.text(tick.text, x: left - 6, y: height + size * 0.35, room: left - 6, anchor: .end)
        }
        drawing.line(left, bottom, right, bottom, "base")
        for label in fittedLabels(size: size, width: drawing.width) {
            drawing.line(label.at, bottom, label.at, bottom + 4, "base")
            drawing.text(label.text, x: label.at, y: bottom + size * 1.4, room: label.room, anchor: .middle)
        }
        drawing.text(yTitle, x: 0, y: top - size * 0.7, room: drawing.width, isBold: true)
        drawing.text(
            xTitle, x: (left + right) / 2, y: bottom + size * 2.75, room: right - left, anchor: .middle, isBold: true)
    }

    /// Tick labels along the width that do not touch.
    private func fittedLabels(size: Double, width: Double) -> [(at: Double, text: String, room: Double)] {
        if let categories = x as? CategoryScale {
            return categories.ticks(0).map { (categories.position($0.value), $0.text, categories.band - 4) }
        }
        func placed(_ ticks: [AxisTick]) -> [(at: Double, text: String, room: Double)] {
            ticks.map { (x.position($0.value), $0.text, TextWidth.of($0.text, size: size) + 0.01) }
                .filter { $0.at - $0.room / 2 >= 0 && $0.at + $0.room / 2 <= width && $0.at <= right + 0.5 }
        }
        func fits(_ labels: [(at: Double, text: String, room: Double)]) -> Bool {
            zip(labels, labels.dropFirst()).allSatisfy { $0.at + $0.room / 2 + 8 <= $1.at - $1.room / 2 }
        }
        let own = placed(xMarks.sorted().map { AxisTick(value: $0, text: NumberText.plain($0)) })
        if !own.isEmpty {
            // Those that touch the one before are left out: the marks themselves show where they are.
            return own.reduce(into: []) { kept, label in
                if let last = kept.last, last.at + last.room / 2 + 8 > label.at - label.room / 2 { return }
                kept.append(label)
            }
        }
        for count in stride(from: 9, through: 2, by: -1) {
            let labels = placed(x.ticks(count))
            if fits(labels) { return labels }
        }
        return []
    }
}
