import Figures

/// The answer in words, with the picture that shows it.
struct AnswerSection: ReportSection {
    /// Pictures side by side where no one is best.
    private static let shownTogether = 3

    func html(_ context: ReportContext) -> String {
        let answer = context.answer
        let first = answer.words.first ?? "Nothing has been measured yet."
        let more = answer.words.dropFirst().map { "<p>\(HTML.escaped($0))</p>" }.joined(separator: "\n")
        let warnings =
            answer.warnings.isEmpty
            ? ""
            : "<ul class=\"warnings\">\(answer.warnings.map { "<li>\(HTML.escaped($0))</li>" }.joined())</ul>"
        return """
            <section class="card hero" id="answer">
            <h2>\(Self.verdict(answer))</h2>
            <p class="winner">\(HTML.escaped(first))</p>
            \(more)
            \(warnings)
            \(pictures(context))
            \(advice(answer.advice))
            </section>
            """
    }

    /// What kind of an answer it is.
    private static func verdict(_ answer: SweepAnswer) -> String {
        guard !answer.rows.isEmpty else { return "No answer yet" }
        guard answer.isEstablished else { return "Ranking not established" }
        return answer.isSeparated ? "Best configuration" : "Best configuration, with ties"
    }

    /// The best one's picture; with ties or without a ranking those of the first few.
    private func pictures(_ context: ReportContext) -> String {
        let answer = context.answer
        guard let best = answer.best else { return "" }
        let rows =
            answer.isSeparated
            ? [best]
            : Array(
                answer.rows.filter { !answer.isEstablished || $0.rank == 1 || best.tiedWith.contains($0.rank) }
                    .prefix(Self.shownTogether))
        let figures = rows.compactMap { row -> String? in
            let found = PictureChoice.pictures(context.report.pictures, of: row)
            guard !found.isEmpty else { return nil }
            let place = row.checkpoint == nil ? "" : " · \(row.epoch > 0 ? "epoch \(row.epoch)" : "step \(row.step)")"
            let images = found.map { PictureHTML.image($0, alt: "images of \(row.label)") }.joined()
            let looks = found.count > 1 ? "shots several" : "shots"
            return "<figure><div class=\"\(looks)\">\(images)</div>"
                + "<figcaption>#\(row.rank) \(HTML.escaped(row.label))\(place)</figcaption></figure>"
        }
        guard !figures.isEmpty else { return "" }
        return "<div class=\"proof proof\(figures.count)\">\(figures.joined(separator: "\n"))</div>"
    }

    private func advice(_ advice: Advice?) -> String {
        guard let advice else { return "" }
        return """
            <div class="advice">
            <details><summary>The part of a sweep file with \(advice.seeds.count) more \
            seed\(advice.seeds.count == 1 ? "" : "s")</summary>
            <pre><code>\(HTML.escaped(advice.fragment))</code></pre></details>
            </div>
            """
    }
}

/// Which pictures belong to a row of the answer.
enum PictureChoice {
    private static let mostSamples = 4

    /// The contact sheet of its checkpoint, or else the newest one; without sheets the newest samples.
    static func pictures(_ pictures: [ReportPicture], of row: SweepAnswer.Row) -> [ReportPicture] {
        let own = pictures.filter { row.jobs.contains($0.job) }
        let sheets = own.filter { $0.kind == .contactSheet }
        if let exact = sheets.first(where: { $0.checkpoint == row.checkpoint || $0.step == row.step }) {
            return [exact]
        }
        if let newest = sheets.max(by: { ($0.step ?? 0) < ($1.step ?? 0) }) { return [newest] }
        let samples = own.filter { $0.kind == .sample }.sorted { ($0.step ?? 0, $0.name) > ($1.step ?? 0, $1.name) }
        return Array(samples.prefix(mostSamples))
    }
}
