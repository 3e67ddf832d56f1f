import Figures
import Foundation
import RunSpec
import SweepModel

extension SweepReport {
    /// One HTML file that needs nothing else: styles, figures and pictures are inside. The policy in its head
    /// has browsers refuse anything from elsewhere.
    package func html() -> String {
        let context = ReportContext(self)
        let sections: [any ReportSection] = [
            AnswerSection(), LeaderboardSection(), PairsSection(), FindingsSection(), EditingSection(), CurvesSection(),
            TradeOffSection(), ImportanceSection(), PaperSection(), ParametersSection(), ParallelSection(),
            RanksSection(),
            GallerySection(), DifferenceSection(), CostsSection(), UnfinishedSection(), QueriesSection(),
        ]
        let parts = [head(context)] + sections.map { $0.html(context) }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
            style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <title>\(HTML.escaped(results.sweep)) · Radiata</title>
            <style>\(FigureTheme.css)
            \(ReportStyle.css)</style>
            </head>
            <body>
            <main>
            \(parts.filter { !$0.isEmpty }.joined(separator: "\n"))
            <footer>Made by Radiata. Every number is in the ledger; the queries above show where.</footer>
            </main>
            </body>
            </html>

            """
    }

    private func head(_ context: ReportContext) -> String {
        let done = results.jobs.filter { $0.state == "done" }.count
        var checkpoints: Set<[String]> = []
        for row in results.results { checkpoints.insert([row.job, row.checkpoint]) }
        var chips = [
            ("configurations", "\(context.numbers.configurations.count)"),
            ("jobs done", "\(done) of \(results.jobs.count)"), ("seeds", "\(Set(results.jobs.map(\.seed)).count)"),
        ]
        if !checkpoints.isEmpty { chips.append(("checkpoints evaluated", "\(checkpoints.count)")) }
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
}
