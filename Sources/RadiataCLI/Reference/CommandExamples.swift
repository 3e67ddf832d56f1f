/// Examples at the end of a command's help; the reference pages show them as code.
enum CommandExamples {
    private static let indent = "  "

    static func text(_ lines: [String]) -> String { text("", lines) }

    /// - Parameter before: what the command's help says besides.
    static func text(_ before: String, _ lines: [String]) -> String {
        (before.isEmpty ? "" : before + "\n\n") + "Examples:\n\n" + lines.map { indent + $0 }.joined(separator: "\n")
    }

    /// The lines of a paragraph of examples; nil for any other paragraph.
    static func lines(of paragraph: String) -> [String]? {
        let lines = paragraph.split(separator: "\n")
        guard !lines.isEmpty, lines.allSatisfy({ $0.hasPrefix(indent) }) else { return nil }
        return lines.map { String($0.dropFirst(indent.count)) }
    }
}
