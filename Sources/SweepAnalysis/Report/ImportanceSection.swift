import Figures
import RunSpec
import SweepModel

/// What mattered: Shapley values of trees, grids split into factors, single changes against their baseline.
struct ImportanceSection: ReportSection {
    private static let mostMeasures = 6
    private static let mostDependences = 4
    private static let mostEffects = 40
    /// Marks of a dependence; each has a text of its own.
    private static let mostMarks = 100

    func html(_ context: ReportContext) -> String {
        let found = context.report.importance.filter { !$0.isEmpty || $0.treesMissing != nil }
        let groups = found.prefix(Self.mostMeasures).enumerated().map { place, importance in
            let title = importance.criterion.title
            let words = importance.words.map { "<p>\(HTML.escaped($0))</p>" }.joined(separator: "\n")
            let figures = (place == 0 ? pages(importance, context) : "") + HTML.tiles(tiles(importance, place, context))
            return "<details\(place == 0 ? " open" : "")><summary>\(HTML.escaped(title.capitalizedFirst))</summary>"
                + "\(words)\n\(figures)</details>"
        }
        guard !groups.isEmpty else { return "" }
        return HTML.section(
            "What mattered", id: "importance",
            [
                HTML.quiet(
                    "Trees are fitted to all checkpoints; a mark of the first figure is one checkpoint, and its place is what "
                        + "the feature adds to or takes from the mean (its Shapley value). Configurations that the trees "
                        + "have not seen tell how far to believe it.")
            ] + groups)
    }

    /// The first measure's large figures.
    private func pages(_ importance: Importance, _ context: ReportContext) -> String {
        ([importance.trees.map { swarm($0, importance, context) as any Figure }].compactMap { $0 }
            + intervals(importance))
            .map { $0.html(.page) }.joined(separator: "\n")
    }

    private func tiles(_ importance: Importance, _ place: Int, _ context: ReportContext) -> [any Figure] {
        var figures: [any Figure] = []
        if let trees = importance.trees {
            if place > 0 { figures.append(swarm(trees, importance, context)) }
            figures += dependences(trees, importance, context)
        }
        return figures + (place > 0 ? intervals(importance) : [])
    }

    // MARK: Trees

    /// `R² 0.970 in sample, 0.710 cross-validated`.
    private func fit(_ trees: TreeImportance) -> String {
        let cross = trees.crossValidated.map { ", \(HTML.number($0)) cross-validated" } ?? ""
        return "R² \(HTML.number(trees.inSample)) in sample\(cross)"
    }

    private func swarm(_ trees: TreeImportance, _ importance: Importance, _ context: ReportContext) -> Beeswarm {
        var rows: [Beeswarm.Row] = []
        for (place, feature) in trees.features.enumerated() where feature.size > 0 {
            if let names = feature.names {
                for (name, text) in names.enumerated() {
                    let own = trees.rows.filter { $0.features[place] == Double(name) }
                    let points = own.map { Beeswarm.Point(value: $0.contributions[place]) }
                    if !points.isEmpty { rows.append(Beeswarm.Row(label: "\(feature.name) \(text)", points: points)) }
                }
                continue
            }
            let known = trees.rows.filter { $0.features[place].isFinite }
            let ranks = Correlation.ranks(known.map { $0.features[place] })
            let (low, high) = (ranks.min() ?? 0, ranks.max() ?? 0)
            let points = zip(known, ranks).map { row, rank in
                Beeswarm.Point(value: row.contributions[place], shade: high > low ? (rank - low) / (high - low) : 0.5)
            }
            rows.append(Beeswarm.Row(label: feature.name, points: points))
        }
        return Beeswarm(
            title: "What moves \(importance.criterion.title)",
            axis: Axis("added to \(importance.criterion.title)"), note: fit(trees), rows: rows)
    }

    private func dependences(
        _ trees: TreeImportance, _ importance: Importance, _ context: ReportContext
    ) -> [any Figure] {
        let owner = Dictionary(
            context.numbers.configurations.enumerated().map { ($0.element.id, $0.offset) }
        ) { first, _ in first }
        return trees.features.prefix(Self.mostDependences).enumerated().compactMap { place, feature -> StripPlot? in
            guard feature.size > 0 else { return nil }
            let all = trees.rows.filter { $0.features[place].isFinite }
            let every = max(1, (all.count + Self.mostMarks - 1) / Self.mostMarks)
            let rows = all.enumerated().filter { $0.offset % every == 0 }.map(\.element)
            let values = Set(rows.map { $0.features[place] }).sorted()
            guard values.count > 1, let least = values.first, let most = values.last else { return nil }
            let kind: Axis.Kind =
                feature.names.map { .categories($0) } ?? (least > 0 && most / least >= 20 ? .logarithmic : .linear)
            return StripPlot(
                title: "What \(feature.name) adds to \(importance.criterion.title)",
                parameter: Axis(feature.name, kind: kind, marks: values.count <= 8 ? values : []),
                value: Axis("added to \(importance.criterion.title)"),
                points: rows.map { row in
                    StripPlot.Point(
                        parameter: row.features[place], value: row.contributions[place],
                        style: owner[row.configuration].map { context.style($0) } ?? .quiet,
                        text: owner[row.configuration].map { context.numbers.configurations[$0].label } ?? "")
                })
        }
    }

    // MARK: Grids and single changes

    private func intervals(_ importance: Importance) -> [any Figure] {
        let name = "\(HTML.percent(Estimate.confidence)) interval"
        let grids = importance.grids.map { grid -> any Figure in
            let rows = grid.design.effects.sorted { $0.deviation > $1.deviation }.map { effect in
                IntervalPlot.Row(
                    label: "\(grid.name(effect)) · \(HTML.percent(effect.share))", estimate: effect.deviation,
                    low: effect.low,
                    high: effect.high)
            }
            let whose = grid.algorithm.map { " (\($0))" } ?? ""
            return IntervalPlot(
                title: "What the factors of the grid do to \(importance.criterion.title)\(whose)",
                axis: Axis("deviation of \(importance.criterion.title)\(whose)"),
                rows: rows, intervalName: grid.design.noise == nil ? nil : name)
        }
        guard !importance.effects.isEmpty else { return grids }
        let shown = importance.effects.prefix(Self.mostEffects)
        let rows = shown.map { effect in
            IntervalPlot.Row(
                label: (effect.group.isEmpty ? "" : "\(effect.group): ") + effect.change, estimate: effect.effect.value,
                low: effect.effect.low, high: effect.effect.high)
        }
        let hasIntervals = shown.contains { $0.effect.low != nil }
        return grids + [
            IntervalPlot(
                title: "What single changes do to \(importance.criterion.title)",
                axis: Axis("change of \(importance.criterion.title)"), rows: rows,
                references: [ReferenceLine(.bound, "no change", value: 0)], intervalName: hasIntervals ? name : nil)
        ]
    }
}
