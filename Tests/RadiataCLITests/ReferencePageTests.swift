import Foundation
import RadiataCLI
import Testing

@Suite("Reference pages")
struct ReferencePageTests {
    @Test(
        "the generated part of a page is what the code says; `make reference-pages` writes it anew",
        arguments: [(ReferencePage.commands, "cli.md"), (.parameters, "parameters.md")])
    func current(page: ReferencePage, file: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/reference/\(file)"), encoding: .utf8)
        let found = try #require(page.generatedPart(of: text), "docs/reference/\(file) has lost its markers")
        let lines = (found: found.split(separator: "\n"), wanted: page.markdown.split(separator: "\n"))
        for (line, wanted) in zip(lines.found, lines.wanted) where line != wanted {
            Issue.record("docs/reference/\(file): '\(line)', the code says '\(wanted)'; run `make reference-pages`")
            return
        }
        #expect(lines.found.count == lines.wanted.count, "docs/reference/\(file): run `make reference-pages`")
    }
}
