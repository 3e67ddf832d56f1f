import Figures
import Foundation
import Testing

/// Figures with long and hostile names, one of each kind.
private enum Sample {
    static let long = "lokr · lr 0.0005 · factor 4 · layers attn-mlp-conv · unbalanced_factorization · \"a\" & <b>"
    static func name(_ index: Int) -> String { index == 0 ? long : "loha · lr \(index)e-4 · dim \(4 * index)" }
    static let references = [
        ReferenceLine(.floor, "base model (floor)", value: 0.5),
        ReferenceLine(.bound, "attainable bound", value: 0.869),
    ]

    static let interval = IntervalPlot(
        title: "Leaderboard <1>", axis: Axis("paired fidelity (train), higher is better"),
        rows: (0..<12).map { index in
            let value = 0.8 - Double(index) / 50
            return IntervalPlot.Row(
                label: name(index), estimate: value, low: value - 0.03, high: value + 0.04,
                values: [value - 0.02, value + 0.02], isTied: index < 3, isBest: index == 0)
        }, references: references, intervalName: "90 % interval")

    static let lines = LinePlot(
        title: "Loss", xAxis: Axis("step"), yAxis: Axis("validation loss, lower is better"),
        series: (0..<12).map { index in
            LinePlot.Series(
                name: name(index), style: SeriesStyle(index),
                points: (1...10).map { linePoint(series: index, step: $0) })
        }, references: [ReferenceLine(.floor, "base model (floor)", value: 0.4)],
        events: [
            LinePlot.Event(x: 400, kind: .attempt, text: "attempt 2"),
            LinePlot.Event(x: 500, kind: .savePoint, text: "step-500"),
        ])

    static let scatter = ScatterPlot(
        title: "Fidelity against controllability", xAxis: Axis("text similarity (alter), higher is better"),
        yAxis: Axis("paired fidelity (train), higher is better"),
        series: (0..<10).map { index in
            ScatterPlot.Series(
                name: name(index), style: SeriesStyle(index),
                points: (0..<5).map { scatterPoint(series: index, step: $0) })
        }, yReferences: references)

    static let rates = [1e-5, 5e-5, 1e-4, 5e-4, 1e-3]

    static let strip: StripPlot = {
        var points: [StripPlot.Point] = []
        for (index, rate) in rates.enumerated() {
            for run in 0..<3 {
                let value: Double = 0.5 + Double(index) / 20 + Double(run) / 100
                points.append(
                    StripPlot.Point(parameter: rate, value: value, style: SeriesStyle(index), text: name(index)))
            }
        }
        return StripPlot(
            title: "By lr", parameter: Axis("lr", kind: .logarithmic, marks: rates),
            value: Axis("image similarity (trigger), higher is better"), points: points, references: references)
    }()

    static let categories: StripPlot = {
        var points: [StripPlot.Point] = []
        for category in 0..<4 {
            for run in 0..<4 {
                let value: Double = 0.5 + Double(category * run) / 40
                points.append(StripPlot.Point(parameter: Double(category), value: value, style: .quiet, text: "x"))
            }
        }
        return StripPlot(
            title: "By algorithm", parameter: Axis("algorithm", kind: .categories([long, "loha", "lora", "full"])),
            value: Axis("image similarity (trigger), higher is better"), points: points)
    }()

    static func linePoint(series: Int, step: Int) -> LinePlot.Point {
        let height: Double = 0.3 / Double(step) + Double(series) / 100
        let y = step == 5 && series == 2 ? Double.nan : height
        return LinePlot.Point(x: Double(step * 100), y: y, low: y - 0.01, high: y + 0.02)
    }

    static func scatterPoint(series: Int, step: Int) -> ScatterPlot.Point {
        let x: Double = 0.3 - Double(step * step) / 200 - Double(series) / 300
        let y: Double = 0.5 + Double(step) / 12
        return ScatterPlot.Point(
            x: x, y: y, text: "\(name(series)), epoch \(step)", isOnFront: series == 0,
            isBest: series == 0 && step == 3)
    }

    static let parallel = ParallelCoordinates(
        title: "All",
        axes: [
            Axis("algorithm", kind: .categories([long, "loha", "lora"])), Axis("lr", kind: .logarithmic),
            Axis("dim", kind: .logarithmic, marks: [4, 8, 16, 32, 64, 128]),
            Axis("paired fidelity (train) higher is better"),
        ],
        lines: (0..<20).map { parallelLine($0) })

    static func parallelLine(_ index: Int) -> ParallelCoordinates.Line {
        let rate: Double = pow(10, -3 - Double(index % 4) / 2)
        let dim: Double? = index == 7 ? nil : Double(4 << (index % 6))
        return ParallelCoordinates.Line(
            values: [Double(index % 3), rate, dim, 0.5 + Double(index) / 60], goodness: Double(index) / 19,
            text: name(index), isBest: index == 19)
    }

    static let bars = BarList(
        title: "Time of each configuration",
        rows: (0..<6).map { BarList.Row(label: name($0), amount: Double(100 * $0), text: "\($0) h 20 min") })

    static let swarm = Beeswarm(
        title: "What moves it", axis: Axis("added to paired fidelity (holdout)"),
        note: "R² 0.970 in sample, 0.710 cross-validated",
        rows: (0..<5).map { row in
            let points = (0..<60).map { swarmPoint(row: row, index: $0) }
            return Beeswarm.Row(label: row == 4 ? "algorithm \(long)" : name(row), points: points)
        })

    static func swarmPoint(row: Int, index: Int) -> Beeswarm.Point {
        let place = Double(index % 20) / 20 - 0.5
        return Beeswarm.Point(value: place / Double(row + 1), shade: row == 4 ? nil : Double(index) / 59)
    }

    static let all: [any Figure] = [interval, lines, scatter, strip, categories, parallel, bars, swarm]
}

@Suite("Figures")
struct FigureTests {
    private static let widths = [FigureTheme.narrowWidth, FigureTheme.wideWidth]

    /// The line through two marked values, as a reader takes it from the axis.
    private func reading(_ ticks: [(value: Double, at: Double)], isLogarithmic: Bool = false) throws -> (Double) ->
        Double
    {
        let low = try #require(ticks.first)
        let high = try #require(ticks.last)
        try #require(low.value != high.value)
        func scaled(_ value: Double) -> Double { isLogarithmic ? log(value) : value }
        return { value in
            low.at + (scaled(value) - scaled(low.value)) / (scaled(high.value) - scaled(low.value)) * (high.at - low.at)
        }
    }

    private func value(_ text: String) -> Double? { Double(text.replacing("−", with: "-")) }

    /// Tick labels below the field, or left of it.
    private func ticks(_ drawn: DrawnFigure, alongWidth: Bool) -> [(value: Double, at: Double)] {
        var found: [(value: Double, at: Double)] = []
        for text in drawn.texts where (text.attributes["text-anchor"] == "middle") == alongWidth {
            if let value = value(text.text) { found.append((value, text.number(alongWidth ? "x" : "y"))) }
        }
        return found.sorted { $0.value < $1.value }
    }

    @Test("every figure is well-formed, names itself, and has the hostile names as text", arguments: 0..<8)
    func wellFormed(kind: Int) throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.all[kind].svg(width: width))
            #expect(drawn.root.name == "svg" && drawn.root.attributes["role"] == "img")
            #expect(drawn.root.attributes["aria-label"] == Sample.all[kind].title)
            #expect(
                drawn.root.title?.isEmpty == false
                    && drawn.elements.contains { $0.name == "desc" && $0.text.count > 10 })
            #expect(!drawn.elements.contains { $0.attributes["style"] != nil || $0.name == "script" })
            let whole = drawn.elements.contains { $0.text == Sample.long || $0.title?.contains(Sample.long) == true }
            #expect(whole || kind == 4)
        }
        #expect(Sample.all[kind].html(.page).components(separatedBy: "<svg").count == 3)
        #expect(Sample.all[kind].html(.tile).components(separatedBy: "<svg").count == 2)
    }

    /// Where a text stands, from its base line and its width in the widest face.
    private struct Box {
        let text: String
        let left: Double
        let right: Double
        let top: Double
        let bottom: Double

        init(_ element: DrawnFigure.Element, size: Double) {
            text = element.text
            let length = TextWidth.of(text, size: size, isBold: element.classes.contains("strong"))
            let shares: [String: Double] = ["middle": 0.5, "end": 1]
            let share = shares[element.attributes["text-anchor"] ?? ""] ?? 0
            left = element.number("x") - share * length
            right = left + length
            top = element.number("y") - 0.75 * size
            bottom = element.number("y") + 0.2 * size
        }

        func isApart(from other: Box) -> Bool {
            right <= other.left || other.right <= left || bottom <= other.top || other.bottom <= top
        }
    }

    @Test("no text touches another or leaves the drawing", arguments: 0..<8)
    func textsKeepApart(kind: Int) throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.all[kind].svg(width: width))
            let size = width < 600 ? 12 : 13.5
            let boxes = drawn.texts.map { Box($0, size: size) }
            for (index, a) in boxes.enumerated() {
                #expect(a.left >= -0.6 && a.right <= width + 0.6, "\(a) at \(width)")
                #expect(a.top >= -0.5 && a.bottom <= drawn.height, "\(a) at \(width)")
                for b in boxes[(index + 1)...] {
                    #expect(a.isApart(from: b), "\(a.text) and \(b.text) at \(width)")
                }
            }
        }
    }

    @Test("a swarm's marks lie at their values, keep within their row, and are darker the higher the feature is")
    func swarm() throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.swarm.svg(width: width))
            let read = try reading(ticks(drawn, alongWidth: true))
            let marks = drawn.elements.filter { $0.name == "circle" && $0.classes.contains("m") }
            let legend = 1
            #expect(marks.count == 5 * 60 || marks.count == 5 * 60 + legend)
            for row in 0..<5 {
                let own = marks[(row * 60)..<((row + 1) * 60)]
                let wanted = (0..<60).map { read(Sample.swarmPoint(row: row, index: $0).value) }.sorted()
                for (x, value) in zip(own.map { $0.number("cx") }.sorted(), wanted) { #expect(abs(x - value) < 0.6) }
                let heights = own.map { $0.number("cy") }
                #expect((heights.max() ?? 99) - (heights.min() ?? 0) <= 31)
                // Three marks at each value, and no two of them in one place.
                #expect(Set(own.map { "\($0.number("cx")) \($0.number("cy"))" }).count > 50)
                #expect(own.allSatisfy { $0.classes.contains(row == 4 ? "s0" : "m") })
            }
            #expect(Set(marks.prefix(60).flatMap(\.classes).filter { $0.hasPrefix("r") }).count == 10)
        }
    }

    /// Half of a figure's rounding, and what the tick labels' own rounding adds.
    private func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 0.25 }

    /// How to read heights: tick labels stand a little below their lines.
    private func heights(_ drawn: DrawnFigure) throws -> (Double) -> Double {
        let read = try reading(ticks(drawn, alongWidth: false))
        let shift = 0.35 * (drawn.width < 600 ? 12 : 13.5)
        return { read($0) - shift }
    }

    @Test("marks of a line plot lie where its axes say, and a value that is no number breaks the line")
    func linePlot() throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.lines.svg(width: width))
            let x = try reading(ticks(drawn, alongWidth: true))
            let y = try heights(drawn)
            // The legend's mark comes last.
            let marks = drawn.marks("s2").dropLast()
            #expect(marks.count == 10)
            for (index, mark) in marks.enumerated() {
                let place = try #require(mark.place)
                let step = Double(index + 1)
                let wanted: Double = 0.3 / step + 0.01
                #expect(near(place.x, x(100 * step)) && near(place.y, y(wanted)))
            }
            #expect(drawn.all("s3").filter { $0.classes.contains("l") && $0.name == "path" }.count == 2)
            #expect(drawn.marks("s3").count == 10)
            #expect(drawn.all("attempt").count == 2 && drawn.all("save").count == 2)
        }
    }

    @Test("marks of a scatter plot lie where its axes say, the ring around the best")
    func scatterPlot() throws {
        let drawn = try DrawnFigure(Sample.scatter.svg(width: 960))
        let x = try reading(ticks(drawn, alongWidth: true))
        let y = try heights(drawn)
        let marks: [(x: Double, y: Double)] = drawn.marks("s1").dropLast().compactMap { $0.place }
        #expect(marks.count == 5)
        for (step, place) in marks.enumerated() {
            let wantedX: Double = 0.3 - Double(step * step) / 200
            let wantedY: Double = 0.5 + Double(step) / 12
            #expect(near(place.x, x(wantedX)) && near(place.y, y(wantedY)))
        }
        // The legend's ring comes last.
        let ring = try #require(drawn.all("ring").first)
        #expect(near(ring.number("cx"), marks[3].x) && near(ring.number("cy"), marks[3].y))
        #expect(drawn.marks("s2").dropLast().allSatisfy { $0.classes.contains("dim") })
        #expect(!drawn.marks("s1").contains { $0.classes.contains("dim") })
    }

    @Test("whiskers reach from bound to bound, the floor's line lies at its value")
    func intervalPlot() throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.interval.svg(width: width))
            let x = try reading(ticks(drawn, alongWidth: true))
            let marks = drawn.marks("s1").compactMap { $0.place }.prefix(12)
            #expect(marks.count == 12)
            for (index, place) in marks.enumerated() {
                let wanted: Double = 0.8 - Double(index) / 50
                #expect(near(place.x, x(wanted)))
            }
            #expect(zip(marks, marks.dropFirst()).allSatisfy { $0.y < $1.y })
            let whisker = try #require(drawn.all("w").first { $0.attributes["y1"] == $0.attributes["y2"] })
            #expect(near(whisker.number("x1"), x(0.77)) && near(whisker.number("x2"), x(0.84)))
            let floor = try #require(drawn.all("floor").first)
            let bound = try #require(drawn.all("bound").first)
            #expect(near(floor.number("x1"), x(0.5)) && near(bound.number("x1"), x(0.869)))
            #expect(drawn.all("ring").count == 2 && drawn.all("tie").count == 4)
        }
    }

    @Test("a parameter on a logarithmic axis is marked at its own values, means are means")
    func stripPlot() throws {
        let drawn = try DrawnFigure(Sample.strip.svg(width: 960))
        let along = ticks(drawn, alongWidth: true)
        #expect(along.map { $0.value } == Sample.rates)
        let x = try reading(along, isLogarithmic: true)
        let y = try heights(drawn)
        #expect(along.allSatisfy { near(x($0.value), $0.at) })
        let bars = drawn.all("mean").filter { $0.attributes["y1"] == $0.attributes["y2"] }.prefix(5)
        #expect(bars.count == 5)
        for (index, bar) in bars.enumerated() {
            let wanted: Double = 0.51 + Double(index) / 20
            #expect(near((bar.number("x1") + bar.number("x2")) / 2, along[index].at))
            #expect(near(bar.number("y1"), y(wanted)))
        }
    }

    @Test("bars are as long as their amounts")
    func bars() throws {
        let drawn = try DrawnFigure(Sample.bars.svg(width: 340))
        let lengths = drawn.all("bar").map { $0.number("width") }
        let wanted = (0..<6).map { Double($0) / 5 * 340 }
        #expect(zip(lengths, wanted).allSatisfy { abs($0 - $1) < 0.11 })
    }

    @Test("a line through parallel axes has a gap where it has no value")
    func parallel() throws {
        for width in Self.widths {
            let drawn = try DrawnFigure(Sample.parallel.svg(width: width))
            let paths = drawn.elements.filter { $0.name == "path" && $0.classes.contains("thin") }
            let steps = paths.map { $0.attributes["d"]?.components(separatedBy: "L").count ?? 0 }
            // Of the line with the gap only its first two axes are joined; the best is drawn apart.
            #expect(steps.count(where: { $0 == 4 }) == 18 && steps.count(where: { $0 == 2 }) == 1)
            #expect(drawn.all("ring").count == 1)
        }
    }

    @Test("points beside their path, fallen ones and those outside are drawn and told as such")
    func flags() throws {
        var points = [(0.9, 0.2), (0.7, 0.4), (0.6, 0.3), (0.5, 0.1)].enumerated().map { index, place in
            ScatterPlot.Point(x: place.0, y: place.1, text: "point \(index)")
        }
        (points[2].isJoined, points[2].isOutside) = (false, true)
        (points[3].isJoined, points[3].isFallen) = (false, true)
        let plot = ScatterPlot(
            title: "s", xAxis: Axis("x"), yAxis: Axis("y"),
            series: [ScatterPlot.Series(name: "a", style: SeriesStyle(0), points: points)], hasLegend: false)
        let drawn = try DrawnFigure(plot.svg(width: 600))
        // Two strokes and one ring in the field, and the same in the legend.
        #expect(drawn.all("fallen").count == 4 && drawn.all("outside").count == 2)
        let paths = drawn.all("thin").compactMap { $0.attributes["d"] }
        #expect(paths.count == 1 && paths[0].split(separator: "L").count == 2)
        #expect(plot.summary.contains("Crossed out: point 3.") && plot.summary.contains("window: point 2."))
    }

    @Test("figures of nothing, of one point and of values that are no numbers are still figures")
    func degenerate() throws {
        let figures: [any Figure] = [
            IntervalPlot(title: "i", axis: Axis("x"), rows: []),
            IntervalPlot(title: "i", axis: Axis("x"), rows: [IntervalPlot.Row(label: "a", estimate: .nan)]),
            LinePlot(title: "l", xAxis: Axis("x"), yAxis: Axis("y"), series: []),
            LinePlot(
                title: "l", xAxis: Axis("x"), yAxis: Axis("y", kind: .logarithmic),
                series: [LinePlot.Series(name: "a", style: .quiet, points: [LinePlot.Point(x: 1, y: .infinity)])]),
            ScatterPlot(title: "s", xAxis: Axis("x"), yAxis: Axis("y"), series: []),
            StripPlot(title: "t", parameter: Axis("p"), value: Axis("v"), points: []),
            ParallelCoordinates(title: "p", axes: [], lines: []), BarList(title: "b", rows: []),
        ]
        for figure in figures {
            for width in Self.widths {
                let drawn = try DrawnFigure(figure.svg(width: width))
                #expect(drawn.height > 0 && drawn.height.isFinite)
            }
        }
    }

    @Test("series beyond the eighth look like the background, and all eight differ in shape and colour")
    func styles() throws {
        let drawn = try DrawnFigure(Sample.lines.svg(width: 960))
        let shapes = Set((1...8).compactMap { drawn.marks("s\($0)").first?.attributes["d"] })
        #expect(shapes.count == 8 && SeriesStyle(8) == .quiet && SeriesStyle(7) != .quiet)
        let light = FigureTheme.css.components(separatedBy: "prefers-color-scheme")[0]
        let colours = (0...8).compactMap { light.components(separatedBy: "--series-\($0): ").last?.prefix(7) }
        #expect(Set(colours).count == 9 && colours.allSatisfy { $0.hasPrefix("#") })
    }
}
