import Foundation

/// Parts of docs/reference that follow from the code: `radiata reference PAGE` prints them, a test compares
/// them.
package enum ReferencePage: String, CaseIterable, Sendable {
    case commands
    case parameters

    /// What stands between `<!-- generated: NAME -->` and `<!-- end -->`, without the two.
    package var markdown: String {
        switch self {
        case .commands: CommandReference.markdown()
        case .parameters: ParameterReference.markdown()
        }
    }

    /// The generated part of a page as it is on disk.
    ///
    /// - Returns: nil where the page has no such markers.
    package func generatedPart(of page: String) -> String? {
        guard let start = page.range(of: "<!-- generated: \(rawValue) -->\n\n"),
            let end = page.range(of: "\n<!-- end -->", range: start.upperBound..<page.endIndex)
        else { return nil }
        return String(page[start.upperBound..<end.lowerBound])
    }
}

/// Markdown in lines of at most 120 columns.
enum Markdown {
    private static let width = 120

    /// One paragraph, or one item of a list: further lines are indented below its text.
    static func folded(_ text: String, prefix: String = "") -> String {
        let indent = String(repeating: " ", count: prefix.count)
        var lines: [String] = []
        var line = prefix
        var isEmpty = true
        for word in text.split(whereSeparator: \.isWhitespace) {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (indent, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return (lines + [line]).joined(separator: "\n")
    }
}
