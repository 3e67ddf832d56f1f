import RunSpec
import SweepModel

/// What a configuration learned against what it cost the base model, as an inline SVG.
struct ScatterPlot {
    struct Dot {
        var x: Double
        var y: Double
        var family: String
        var title: String
        var isBest: Bool
    }

    var dots: [Dot]
    var xTitle: String
    var yTitle: String
    /// The base model's height, as a line across.
    var yFloor: Double?

    private static let width = 880.0
    private static let height = 380.0
    private static let left = 76.0
    private static let bottom = 56.0
    private static let top = 16.0
    private static let right = 36.0
    /// Hues that differ for the colour-blind too; families beyond them repeat.
    static let colors = ["#3b6fd4", "#d1495b", "#2a9d8f", "#e09f3e", "#7b5ea7", "#5c6770", "#b56576", "#3a7d44"]

    func svg() -> String {
        let xs = Self.axis(dots.map(\.x))
        let ys = Self.axis(dots.map(\.y) + (yFloor.map { [$0] } ?? []))
        func px(_ x: Double) -> Double {
            Self.left + (x - xs.low) / (xs.high - xs.low) * (Self.width - Self.left - Self.right)
        }
        func py(_ y: Double) -> Double {
            Self.height - Self.bottom - (y - ys.low) / (ys.high - ys.low) * (Self.height - Self.bottom - Self.top)
        }
        let families = Array(Set(dots.map(\.family))).sorted()
        var parts: [String] = []
        for tick in xs.ticks {
            let x = HTML.fixed(px(tick), 1)
            parts.append(
                "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Self.top)\" y2=\"\(Self.height - Self.bottom)\"/>")
            parts.append(
                "<text class=\"tick\" x=\"\(x)\" y=\"\(Self.height - Self.bottom + 18)\" text-anchor=\"middle\">\(HTML.number(tick))</text>"
            )
        }
        for tick in ys.ticks {
            let y = HTML.fixed(py(tick), 1)
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
            parts.append(
                "<text class=\"tick\" x=\"\(Self.left - 8)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(HTML.number(tick))</text>"
            )
        }
        if let yFloor {
            let y = HTML.fixed(py(yFloor), 1)
            parts.append(
                "<line class=\"floor\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
            parts.append(
                "<text class=\"tick\" x=\"\(Self.width - Self.right)\" y=\"\(y)\" dy=\"-6\" text-anchor=\"end\">base model</text>"
            )
        }
        for dot in dots.sorted(by: { !$0.isBest && $1.isBest }) {
            let color = Self.colors[(families.firstIndex(of: dot.family) ?? 0) % Self.colors.count]
            let ring = dot.isBest ? " class=\"ring\"" : ""
            parts.append(
                "<circle\(ring) cx=\"\(HTML.fixed(px(dot.x), 1))\" cy=\"\(HTML.fixed(py(dot.y), 1))\" "
                    + "r=\"\(dot.isBest ? 9 : 6)\" fill=\"\(color)\"><title>\(HTML.escaped(dot.title))</title></circle>"
            )
        }
        let middle = Self.left + (Self.width - Self.left - Self.right) / 2
        parts.append(
            "<text class=\"axis\" x=\"\(middle)\" y=\"\(Self.height - 10)\" text-anchor=\"middle\">\(HTML.escaped(xTitle))</text>"
        )
        let centre = Self.top + (Self.height - Self.bottom - Self.top) / 2
        parts.append(
            "<text class=\"axis\" transform=\"translate(16 \(centre)) rotate(-90)\" text-anchor=\"middle\">\(HTML.escaped(yTitle))</text>"
        )
        let legend = families.enumerated().map { index, family in
            "<span><i style=\"background:\(Self.colors[index % Self.colors.count])\"></i>\(HTML.escaped(family))</span>"
        }
        return
            "<div class=\"legend\">\(legend.joined())</div><svg viewBox=\"0 0 \(Int(Self.width)) "
            + "\(Int(Self.height))\" role=\"img\">\(parts.joined())</svg>"
    }

    /// Round ends and about five round ticks around the values.
    static func axis(_ values: [Double]) -> (low: Double, high: Double, ticks: [Double]) {
        guard let lowest = values.min(), let highest = values.max() else { return (0, 1, [0, 1]) }
        let span = highest > lowest ? highest - lowest : max(abs(highest), 1e-9)
        var power = 1.0
        while power > span { power /= 10 }
        while power * 10 <= span { power *= 10 }
        let step = [0.2, 0.5, 1, 2, 5].map { $0 * power }.first { span / $0 <= 6 } ?? power
        let low = (lowest / step).rounded(.down) * step
        let high = max((highest / step).rounded(.up) * step, low + step)
        let count = Int(((high - low) / step).rounded())
        return (low, high, (0...count).map { low + Double($0) * step })
    }
}

extension SweepReport {
    /// Centroid distance against drift: low and left is what one wants.
    func plot(_ summary: ResultSummary) -> String {
        guard let y = summary.columns.firstIndex(where: { $0.metric.name == "squared_centroid_distance" }),
            let x = summary.columns.firstIndex(where: { $0.metric.name == "style_distance" })
        else { return "" }
        let best = results.verdict()?.best
        let parameters = Dictionary(results.jobs.map { ($0.configuration, $0.parameters) }) { first, _ in first }
        let dots = summary.rows.compactMap { row -> ScatterPlot.Dot? in
            guard let drift = row.values[x], let distance = row.values[y] else { return nil }
            let family = parameters[row.configuration]?["algorithm"]?.description ?? "all"
            return ScatterPlot.Dot(
                x: drift, y: distance, family: family, title: "\(row.label), epoch \(row.epoch)",
                isBest: row.configuration == best?.configuration && row.step == best?.step)
        }
        guard dots.count > 1 else { return "" }
        let plot = ScatterPlot(
            dots: dots, xTitle: "drift from the base (style prompts): lower keeps more of it",
            yTitle: "distance to the concept", yFloor: summary.floor[y])
        return """
            <section class="card">
            <h2>Learning the concept, keeping the base</h2>
            <p class="quiet">One dot per checkpoint; low and left is best; the ringed dot is the best configuration.</p>
            \(plot.svg())
            </section>
            """
    }
}
