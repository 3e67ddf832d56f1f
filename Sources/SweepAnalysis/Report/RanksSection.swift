import RunSpec

/// Checkpoints by their ranks in every measure, the form in which the LyCORIS paper compares.
struct RanksSection: ReportSection {
    private static let mostRows = 60

    func html(_ context: ReportContext) -> String {
        let ranks = context.ranks
        guard ranks.columns.count > 1, ranks.rows.count > 1 else { return "" }
        let heads = ranks.columns.map { column in
            "<th title=\"\(HTML.escaped(column.info.meaning))\">\(HTML.escaped(column.info.title))"
                + "<small>\(HTML.escaped(column.prompts ?? ""))</small></th>"
        }
        let shown = ranks.rows.prefix(Self.mostRows)
        let body = shown.map { row in
            let place = row.epoch > 0 ? "epoch \(row.epoch)" : "step \(row.step)"
            let cells = zip(row.scores, row.errors).map { score, error in
                // Of one seed it would be the spread of classes, which says nothing of chance.
                let half = context.answer.isEstablished ? error : nil
                let error = half.map { "<small>± \(HTML.number($0))</small>" } ?? ""
                return "<td>\(score.map(HTML.number) ?? "–")\(error)</td>"
            }
            return "<tr><th scope=\"row\">\(HTML.escaped(row.label))</th><td>\(place)</td>\(cells.joined())</tr>"
        }
        let left = ranks.rows.count - shown.count
        let spread =
            context.answer.isEstablished ? "averaged over seeds and classes; ± is the standard error" : "averaged"
        return HTML.section(
            "Ranks", id: "ranks",
            [
                HTML.quiet(
                    "As in the LyCORIS paper: in each measure all checkpoints are ranked, 1 is the best and 0 the worst, "
                        + "\(spread). How far values lie apart does not count here."),
                """
                <details><summary>\(shown.count) checkpoints</summary><div class="scroll"><table>
                <thead><tr><th>configuration</th><th>checkpoint</th>\(heads.joined())</tr></thead>
                <tbody>\(body.joined())</tbody></table></div></details>
                """, left > 0 ? HTML.quiet("\(left) further checkpoints are left out here.") : "",
            ])
    }
}
