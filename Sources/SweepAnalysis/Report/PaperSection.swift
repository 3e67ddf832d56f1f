/// Which of the LyCORIS paper's statements hold in this sweep, with the numbers.
struct PaperSection: ReportSection {
    func html(_ context: ReportContext) -> String {
        let statements = context.report.results.paperStatements()
        guard !statements.isEmpty else { return "" }
        let items = statements.map { statement in
            let parts = statement.parts.map { "<li>\(HTML.escaped($0.text))</li>" }.joined(separator: "\n")
            let notes = statement.notes.map { "<p class=\"quiet\">\(HTML.escaped($0))</p>" }.joined(separator: "\n")
            return """
                <h3>\(statement.number). \(HTML.escaped(statement.claim)) \
                <span class="badge\(statement.verdict == .holds ? " front" : "")">\(statement.verdict.rawValue)</span></h3>
                \(parts.isEmpty ? "" : "<ul>\(parts)</ul>")\(notes)
                """
        }
        let intervals =
            context.answer.isEstablished
            ? "else equal; ± is the 90 % interval over training seeds, and what lies within it cannot be told."
            : "else equal. One seed has no interval, so nothing can be told."
        return HTML.section(
            "The paper's findings, here", id: "paper",
            [
                "<p>\(HTML.escaped(statements.summary))</p>",
                HTML.quiet(
                    "Statements of the LyCORIS paper (Yeh et al. 2024) by this sweep's numbers. A change is looked at with all "
                        + intervals),
            ] + items)
    }
}
