import Figures
import RunSpec

/// Every configuration with its interval: as figures, and as a table.
struct LeaderboardSection: ReportSection {
    private static let shownInFigures = 30
    private static let shownInTiles = 10
    private static let shownInTable = 200
    /// More are folded away.
    private static let openInTable = 20

    func html(_ context: ReportContext) -> String {
        let answer = context.answer
        guard !answer.rows.isEmpty else { return "" }
        let rule =
            answer.rule.criteria.count > 1
            ? "Best first by the score of the rule: \(answer.rule.criteria.map(\.title).joined(separator: ", ")). "
            : "Best first. "
        let intervals =
            answer.isEstablished
            ? "Whiskers are \(HTML.percent(Estimate.confidence)) intervals over training seeds."
            : "One seed says nothing about the spread, so there are no intervals."
        var plots: [any Figure] = []
        var tiles: [any Figure] = []
        if answer.rule.criteria.count > 1 {
            plots.append(score(context))
            tiles = answer.rule.criteria.indices.map { criterion($0, context, limit: Self.shownInTiles) }
        } else if !answer.rule.criteria.isEmpty {
            plots.append(criterion(0, context, limit: Self.shownInFigures))
        }
        let rows = answer.rows.prefix(Self.shownInTable)
        let left = answer.count - rows.count
        return HTML.section(
            "Leaderboard", id: "leaderboard",
            [
                HTML.quiet(rule + intervals), plots.map { $0.html(.page) }.joined(separator: "\n"),

                table(rows.prefix(Self.openInTable), context), folded(rows.dropFirst(Self.openInTable), context),
                left > 0 ? HTML.quiet("\(left) further configurations are left out here; radiata top shows them.") : "",
                tiles.isEmpty ? "" : "<h3>Each measure of the rule</h3>", HTML.tiles(tiles),
            ])
    }

    private func isTied(_ row: SweepAnswer.Row, _ answer: SweepAnswer) -> Bool {
        guard answer.isEstablished, let best = answer.best, !best.tiedWith.isEmpty else { return false }
        return row.rank == best.rank || best.tiedWith.contains(row.rank)
    }

    private func score(_ context: ReportContext) -> IntervalPlot {
        let answer = context.answer
        let rows = answer.rows.prefix(Self.shownInFigures).map { row in
            IntervalPlot.Row(
                label: "\(row.rank). \(row.label)", estimate: row.score.value, low: row.score.low, high: row.score.high,
                isTied: isTied(row, answer), isBest: answer.isEstablished && row.rank == 1)
        }
        return IntervalPlot(
            title: "Score of each configuration", axis: Axis("score by the rule, higher is better"), rows: rows,
            intervalName: answer.isEstablished ? "\(HTML.percent(Estimate.confidence)) interval" : nil)
    }

    private func criterion(_ index: Int, _ context: ReportContext, limit: Int) -> IntervalPlot {
        let answer = context.answer
        let measure = Measure(answer.rule.criteria[index])
        let rows = answer.rows.prefix(limit).compactMap { row -> IntervalPlot.Row? in
            guard row.criteria.indices.contains(index) else { return nil }
            let estimate = row.criteria[index]
            let configuration = context.numbers.configurations.firstIndex { $0.id == row.configuration }
            let values = configuration.flatMap { context.numbers.chosen(measure, of: $0) }?.values.map(\.value) ?? []
            return IntervalPlot.Row(
                label: "\(row.rank). \(row.label)", estimate: estimate.value, low: estimate.low, high: estimate.high,
                values: values, isTied: isTied(row, answer), isBest: answer.isEstablished && row.rank == 1)
        }
        return IntervalPlot(
            title: "\(context.title(measure)) of each configuration", axis: Axis(context.axisTitle(measure)),
            rows: rows,
            references: context.references(measure),
            intervalName: answer.isEstablished ? "\(HTML.percent(Estimate.confidence)) interval" : nil)
    }

    private func folded(_ rows: ArraySlice<SweepAnswer.Row>, _ context: ReportContext) -> String {
        guard let first = rows.first, let last = rows.last else { return "" }
        return "<details><summary>Ranks \(first.rank) to \(last.rank)</summary>\(table(rows, context))</details>"
    }

    private func table(_ rows: ArraySlice<SweepAnswer.Row>, _ context: ReportContext) -> String {
        let answer = context.answer
        let hasScore = answer.rule.criteria.count > 1
        let hasProbability = rows.contains { $0.bestProbability != nil }
        let hasRanks = rows.contains { context.rankScore($0) != nil }
        let heads = answer.rule.criteria.map { criterion in
            "<th title=\"\(HTML.escaped(criterion.info.meaning))\">\(HTML.escaped(criterion.info.title))<small>"
                + "\(HTML.escaped(criterion.prompts ?? "curve")) \(criterion.lowerIsBetter ? "↓" : "↑")</small></th>"
        }
        let body = rows.map { row -> String in
            let place = row.epoch > 0 ? "epoch \(row.epoch)" : "step \(row.step)"
            var cells = ["<td>\(place)</td>", "<td>\(row.seeds.count)</td>"]
            if hasScore { cells.append("<td class=\"first\">\(HTML.estimate(row.score))</td>") }
            cells += row.criteria.map { "<td>\(HTML.estimate($0))</td>" }
            if hasRanks { cells.append("<td>\(context.rankScore(row).map { HTML.number($0) } ?? "–")</td>") }
            if hasProbability { cells.append("<td>\(row.bestProbability.map(HTML.percent) ?? "–")</td>") }
            if answer.isEstablished { cells.append("<td>\(Self.ties(row))</td>") }
            let badges = row.findings.map { "<span class=\"badge\">\($0.kind.rawValue)</span>" }.joined(separator: " ")
            let front = row.isOnParetoFront && hasScore ? " <span class=\"badge front\">Pareto</span>" : ""
            return "<tr\(isTied(row, answer) ? " class=\"tied\"" : "")><td>\(row.rank)</td>"
                + "<th scope=\"row\">\(HTML.escaped(row.label))\(front) \(badges)</th>\(cells.joined())</tr>"
        }
        let references = [("base model (floor)", context.numbers.floor), ("attainable bound", context.numbers.bound)]
            .compactMap { name, find -> String? in
                let values = answer.rule.criteria.map { find(Measure($0)) }
                guard values.contains(where: { $0 != nil }) else { return nil }
                let cells = values.map { "<td>\($0.map(HTML.number) ?? "–")</td>" }.joined()
                let tail = String(
                    repeating: "<td></td>",
                    count: [hasRanks, hasProbability, answer.isEstablished].count { $0 })
                return "<tr class=\"reference\"><td></td><th scope=\"row\">\(name)</th><td></td><td></td>"
                    + "\(hasScore ? "<td></td>" : "")\(cells)\(tail)</tr>"
            }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="leaderboard"><table>
            <thead><tr><th>#</th><th>configuration</th><th>checkpoint</th><th>seeds</th>\
            \(hasScore ? "<th>score<small>rule ↑</small></th>" : "")\(heads.joined())\
            \(hasRanks ? "<th>ranks<small>of all, 0 to 1 ↑</small></th>" : "")\
            \(hasProbability ? "<th>best with<small>probability</small></th>" : "")\
            \(answer.isEstablished ? "<th>tied with<small>not separable</small></th>" : "")</tr></thead>
            <tbody>\(body.joined(separator: "\n"))</tbody>
            <tfoot>\(references.joined())</tfoot>
            </table></div>
            """
    }

    /// `#2, #3, #4 and 5 more`.
    private static func ties(_ row: SweepAnswer.Row) -> String {
        guard !row.tiedWith.isEmpty else { return "–" }
        let shown = row.tiedWith.prefix(3).map { "#\($0)" }.joined(separator: ", ")
        return row.tiedWith.count > 3 ? "\(shown) and \(row.tiedWith.count - 3) more" : shown
    }
}

/// Over-fitted, copying, under-trained, collapsed: in words, with the numbers.
struct FindingsSection: ReportSection {
    private static let shown = 40

    func html(_ context: ReportContext) -> String {
        let rows = context.answer.rows.filter { !$0.findings.isEmpty }
        let items = rows.prefix(Self.shown).map { row in
            let findings = row.findings.map { finding in
                "<p>\(HTML.escaped(finding.text))</p>"
            }
            return "<li><strong>#\(row.rank) \(HTML.escaped(row.label))</strong>\(findings.joined())</li>"
        }
        let left = rows.count - items.count
        return HTML.section(
            "Warnings", id: "warnings",
            [
                items.isEmpty ? "" : "<ul class=\"findings\">\(items.joined(separator: "\n"))</ul>",
                left > 0 ? HTML.quiet("The same kinds of warnings stand at \(left) further configurations.") : "",
            ])
    }
}
