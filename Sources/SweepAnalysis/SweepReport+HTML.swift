import Foundation
import RunSpec
import SweepModel

extension SweepReport {
    /// One HTML file that needs nothing else: styles, plot and pictures are inside.
    package func html() -> String {
        let summary = results.summary(checkpoints: .all)
        let parts = [
            head(), verdict(summary), plot(summary), table(summary), gallery(summary), unfinished(), queryList(),
            "<footer>Made by Radiata. Every number is in the ledger; the queries above show where.</footer>",
        ]
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTML.escaped(results.sweep)) · Radiata</title>
            <style>\(ReportStyle.css)</style>
            </head>
            <body>
            <main>
            \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private func head() -> String {
        let configurations = Set(results.jobs.map(\.configuration)).count
        let done = results.jobs.filter { $0.state == "done" }.count
        let checkpoints = Set(results.results.map { "\($0.job)@\($0.step)" }).count
        var chips = [
            ("configurations", "\(configurations)"), ("jobs done", "\(done) of \(results.jobs.count)"),
            ("checkpoints evaluated", "\(checkpoints)"),
        ]
        chips += facts
        let list = chips.map { "<div><dt>\(HTML.escaped($0.0))</dt><dd>\(HTML.escaped($0.1))</dd></div>" }.joined()
        return """
            <header>
            <p class="brand">Radiata</p>
            <h1>\(HTML.escaped(results.sweep))</h1>
            <dl class="facts">\(list)</dl>
            </header>
            """
    }

    /// The answer first: which configuration, how close, how much of the base is left.
    private func verdict(_ summary: ResultSummary) -> String {
        guard let verdict = results.verdict() else {
            return
                "<section class=\"card\"><h2>Best configuration</h2><p class=\"quiet\">Not enough results yet.</p></section>"
        }
        let best = verdict.best
        let word =
            verdict.isClearlyCloser
            ? "Clearly closer to its concept than the base model."
            : "Not clearly closer to its concept than the base model."
        let row = summary.rows.first { $0.configuration == best.configuration && $0.step == best.step }
        let sheet =
            row.flatMap {
                picture($0, caption: "The best checkpoint, beside the base model and the concept's own images.")
            } ?? ""
        return """
            <section class="card hero">
            <h2>Best configuration</h2>
            <p class="winner">\(HTML.escaped(best.label))</p>
            <p class="quiet">group \(HTML.escaped(best.group)) · epoch \(best.epoch) · step \(best.step)\(seeds(best.jobs.count))</p>
            <p><strong class="\(verdict.isClearlyCloser ? "good" : "bad")">\(word)</strong>
            Its images' centre lies at \(HTML.percent(verdict.distanceShare)) of the base model's distance
            (wanted: at most \(HTML.percent(ConceptVerdict.largestDistanceShare))), and its image similarity
            \(similarity(verdict)).</p>
            \(gauge(verdict))
            \(sheet)
            </section>
            """
    }

    private func similarity(_ verdict: ConceptVerdict) -> String {
        guard let share = verdict.similarityShare else {
            return
                "is \(HTML.number(verdict.similarity)); the base model's, "
                + "\(HTML.number(verdict.floorSimilarity)), is at the ceiling already"
        }
        let wanted = HTML.percent(ConceptVerdict.smallestSimilarityShare)
        return "went \(HTML.percent(share)) of the way from the base model to the ceiling (wanted: at least \(wanted))"
    }

    /// Floor, result and ceiling of the similarity on one line.
    private func gauge(_ verdict: ConceptVerdict) -> String {
        let low = min(verdict.floorSimilarity, verdict.similarity, verdict.ceilingSimilarity) - 0.02
        let high = max(verdict.ceilingSimilarity, verdict.similarity) + 0.02
        func place(_ value: Double) -> String { HTML.fixed(100 * (value - low) / (high - low), 2) }
        let marks = [
            ("floor", "base model", verdict.floorSimilarity), ("best", "best", verdict.similarity),
            ("ceiling", "ceiling", verdict.ceilingSimilarity),
        ]
        let items = marks.map { kind, name, value in
            "<i class=\"\(kind)\" style=\"left:\(place(value))%\"><b>\(HTML.number(value))</b><span>\(name)</span></i>"
        }
        return """
            <div class="gauge" role="img" aria-label="image similarity on trigger prompts: base model \
            \(HTML.number(verdict.floorSimilarity)), best \(HTML.number(verdict.similarity)), ceiling \
            \(HTML.number(verdict.ceilingSimilarity))">
            <div class="track"><div class="fill" \
            style="left:\(place(verdict.floorSimilarity))%;\
            right:\(HTML.fixed(100 - 100 * (verdict.similarity - low) / (high - low), 2))%"></div>\
            \(items.joined())</div>
            <p class="quiet">image similarity on trigger prompts</p>
            </div>
            """
    }

    private func table(_ summary: ResultSummary) -> String {
        guard !summary.rows.isEmpty else { return "" }
        let bests = summary.columns.indices.map { summary.best($0) }
        let heads = summary.columns.map { column in
            "<th title=\"\(HTML.escaped(column.metric.meaning))\">\(HTML.escaped(column.metric.title))"
                + "<small>\(HTML.escaped(column.prompts)) \(column.metric.lowerIsBetter ? "↓" : "↑")</small></th>"
        }
        func cells(_ values: [Double?], row: Int?) -> String {
            values.enumerated().map { column, value in
                let isBest = row != nil && bests[column] == row
                return "<td\(isBest ? " class=\"best\"" : "")>\(value.map(HTML.number) ?? "–")</td>"
            }.joined()
        }
        let body = summary.rows.enumerated().map { index, row in
            "<tr><th scope=\"row\">\(HTML.escaped(row.label))</th><td>\(row.epoch)</td><td>\(row.seeds)</td>"
                + "\(cells(row.values, row: index))</tr>"
        }
        let references = [("base model (floor)", summary.floor), ("concept's images (ceiling)", summary.ceiling)]
            .filter { $0.1.contains { $0 != nil } }
            .map {
                "<tr class=\"reference\"><th scope=\"row\">\($0.0)</th><td></td><td></td>\(cells($0.1, row: nil))</tr>"
            }
        return """
            <section class="card">
            <h2>Results</h2>
            <p class="quiet">Every checkpoint, best centroid distance first; means over seeds; ↓ lower is better, ↑ \
            higher is better; the best of each column is marked.</p>
            <div class="scroll"><table>
            <thead><tr><th>configuration</th><th>epoch</th><th>seeds</th>\(heads.joined())</tr></thead>
            <tbody>\(body.joined())</tbody>
            <tfoot>\(references.joined())</tfoot>
            </table></div>
            </section>
            """
    }

    private func gallery(_ summary: ResultSummary) -> String {
        // The last checkpoint of every configuration, best first; the winner already stands on top.
        let best = results.verdict()?.best
        var seen: Set<String> = []
        var items: [String] = []
        for row in summary.rows where seen.insert("\(row.configuration)@\(row.step)").inserted {
            if let best, row.configuration == best.configuration, row.step == best.step { continue }
            guard let figure = picture(row, caption: nil) else { continue }
            let value = row.values.first.flatMap { $0 }.map { " · centroid distance \(HTML.number($0))" } ?? ""
            items.append(
                "<details\(items.count < 2 ? " open" : "")><summary>\(HTML.escaped(row.label)) <span "
                    + "class=\"quiet\">epoch \(row.epoch)\(value)</span></summary>\(figure)</details>"
            )
        }
        guard !items.isEmpty else { return "" }
        return "<section class=\"card\"><h2>All other checkpoints</h2>\(items.joined(separator: "\n"))</section>"
    }

    /// The first picture of a row's jobs at its step.
    private func picture(_ row: ResultSummary.Row, caption: String?) -> String? {
        guard let sheet = sheets.first(where: { row.jobs.contains($0.job) && $0.step == row.step }) else { return nil }
        let data = Data(sheet.png).base64EncodedString()
        let text = caption.map { "<figcaption class=\"quiet\">\($0)</figcaption>" } ?? ""
        return
            "<figure><img alt=\"contact sheet of \(HTML.escaped(row.label)), step \(row.step)\" "
            + "src=\"data:image/png;base64,\(data)\">\(text)</figure>"
    }

    private func unfinished() -> String {
        let others = Dictionary(grouping: results.jobs.filter { $0.state != "done" }, by: \.state)
        guard !others.isEmpty else { return "" }
        let varied = VariedParameters(results.jobs)
        let items = others.sorted { $0.key < $1.key }.flatMap { state, jobs in
            jobs.map {
                "<li><code>\($0.id.prefix(12))</code> \(HTML.escaped(state)) · "
                    + "\(HTML.escaped(varied.label($0.parameters))) · seed \($0.seed)</li>"
            }
        }
        return "<section class=\"card\"><h2>Not done</h2><ul>\(items.prefix(200).joined())</ul></section>"
    }

    private func queryList() -> String {
        guard !queries.isEmpty else { return "" }
        let items = queries.map { "<h3>\(HTML.escaped($0.title))</h3><pre><code>\(HTML.escaped($0.sql))</code></pre>" }
        return """
            <section class="card">
            <h2>Ask the ledger</h2>
            <p class="quiet">With <code>radiata query "…"</code>, or any SQLite tool on <code>ledger.db</code>.</p>
            \(items.joined(separator: "\n"))
            </section>
            """
    }

    private func seeds(_ count: Int) -> String { count > 1 ? " · mean of \(count) seeds" : "" }
}

/// Text as HTML wants it.
enum HTML {
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// Three significant digits, plain where that is short.
    static func number(_ value: Double) -> String {
        if !value.isFinite { return "–" }
        if value == 0 { return "0" }
        if abs(value) < 1e-3 { return String(format: "%.2e", value).replacing("e-0", with: "e-") }
        if abs(value) >= 100 { return String(format: "%.0f", value) }
        return String(format: abs(value) >= 10 ? "%.1f" : abs(value) >= 1 ? "%.2f" : "%.3f", value)
    }

    static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    static func percent(_ share: Double) -> String { share.isFinite ? String(format: "%.0f %%", 100 * share) : "–" }
}
