import Figures
import RunSpec

/// Edits without training: what stayed of the pictures against how much of the edit came, a curve a method.
struct EditingSection: ReportSection {
    func html(_ context: ReportContext) -> String {
        let numbers = context.numbers
        guard EditCurve.isAnywhere(numbers) else { return "" }
        let (kept, strengths) = (Self.kept(numbers), Self.strengths(numbers))
        guard let first = kept.first, let strength = strengths.first else { return "" }
        let curves = curves(first, strength, context)
        let others =
            kept.dropFirst().map { plot($0, strength, context) }
            + strengths.dropFirst().map { plot(first, $0, context) }
        return HTML.section(
            "What stayed against what came", id: "editing",
            [
                plot(first, strength, context).html(.page), Self.words, list(curves, first, strength, context),
                others.isEmpty ? "" : "<h3>By other measures</h3>", HTML.tiles(others),
            ])
    }

    /// How everything on the figure is decided.
    private static let words = HTML.quiet(
        "A mark is a configuration: the mean over its pictures and seeds. A line joins those configurations of a method "
            + "(of FluxSpace, of one variant) that no other of the method beats in both directions; marks grow the less "
            + "they keep. A cross marks a collapse: the configuration keeps less than the method's strongest edit and yet "
            + "edits less, so that going further only destroys. A dashed ring marks FluxSpace past its window: some fine "
            + "change makes the largest value of an attention's result more than "
            + "\(HTML.number(EditCurve.safeSpread)) times as large. That number is experience of others with Flux.1; it "
            + "is shown and rules nothing out. The floor is what the unedited pictures have, the bound what the "
            + "autoencoder leaves of them.")

    /// What says how much stayed: what looks as people do first, and a named encoder before the base's own.
    private static func kept(_ numbers: ReportNumbers) -> [Measure] {
        found(["lpips", "similarity_to_source", "ssim", "psnr"], numbers)
    }

    private static func strengths(_ numbers: ReportNumbers) -> [Measure] {
        found(["text_similarity", "clip_direction"], numbers)
    }

    private static func found(_ names: [String], _ numbers: ReportNumbers) -> [Measure] {
        let own = numbers.measures.filter { $0.prompts == EditTask.prompts }
        return names.flatMap { name in
            own.filter { $0.metric.hasPrefix(name + "@") } + own.filter { $0.metric == name }
        }
    }

    private func curves(_ kept: Measure, _ strength: Measure, _ context: ReportContext) -> [EditCurve] {
        EditCurve.curves(
            context.numbers, kept: kept, strength: strength, lowerIsKept: context.lowerIsBetter(kept))
    }

    private func plot(_ kept: Measure, _ strength: Measure, _ context: ReportContext) -> ScatterPlot {
        let series = curves(kept, strength, context).enumerated().map { index, curve in
            ScatterPlot.Series(
                name: curve.name, style: SeriesStyle(index),
                points: curve.points.map { point in
                    let label = context.numbers.configurations[point.configuration].label
                    let spread = point.spread.map { ", spread \(HTML.number($0))" } ?? ""
                    var mark = ScatterPlot.Point(x: point.kept, y: point.strength, text: label + spread)
                    mark.isJoined = point.isOnCurve
                    mark.isFallen = point.isCollapsed
                    mark.isOutside = point.isPastWindow
                    return mark
                })
        }
        return ScatterPlot(
            title: "\(context.title(strength)) against \(context.title(kept))",
            xAxis: Axis(context.axisTitle(kept)), yAxis: Axis(context.axisTitle(strength)), series: series,
            xReferences: context.references(kept).filter { $0.kind == .bound },
            yReferences: context.references(strength).filter { $0.kind == .floor })
    }

    /// The figure in words.
    private func list(
        _ curves: [EditCurve], _ kept: Measure, _ strength: Measure, _ context: ReportContext
    ) -> String {
        let items = curves.compactMap { curve -> String? in
            guard let peak = curve.peak else { return nil }
            let label = context.numbers.configurations[peak.configuration].label
            let fallen = curve.points.count(where: \.isCollapsed)
            let outside = curve.points.count(where: \.isPastWindow)
            let parts = [
                "strongest at \(label): \(context.title(strength)) \(HTML.number(peak.strength)), "
                    + "\(context.title(kept)) \(HTML.number(peak.kept))",
                "\(fallen) of \(curve.points.count) collapsed",
                outside > 0 ? "\(outside) past the window" : nil,
            ].compactMap { $0 }
            let text = parts.joined(separator: "; ")
            return "<li><strong>\(HTML.escaped(curve.name))</strong>: \(HTML.escaped(text))</li>"
        }
        return "<ul>\(items.joined(separator: "\n"))</ul>"
    }
}
