/// The one writer of CSV (RFC 4180, lines end with LF).
///
/// A spreadsheet runs what begins like a formula, also inside quotes. So a text that begins with `=`, `+`,
/// `-`, `@` (also in their full-width forms) or a control character gets an apostrophe before it, as OWASP
/// advises. Numbers stay numbers: `-1e-05`, `-Infinity`.
package enum CSVText {
    package enum Cell: Equatable, Sendable {
        case text(String)
        case number(Double)
        case integer(Int64)
        case none
    }

    /// One line with its end.
    package static func line(_ cells: [Cell]) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { text += "," }
            switch cell {
            case .text(let content): text += quoted(neutralised(content))
            case .number(let value): text += NumberText.exact(value)
            case .integer(let value): text += String(value)
            case .none: break
            }
        }
        return text + "\n"
    }

    /// One line of texts, as column names are.
    package static func line(_ texts: [String]) -> String { line(texts.map { Cell.text($0) }) }

    private static let dangerous: Set<UnicodeScalar> = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]

    private static func neutralised(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        let isControl = first.properties.generalCategory == .control
        return isControl || dangerous.contains(first) ? "'" + text : text
    }

    private static func quoted(_ text: String) -> String {
        // By bytes: a Character may hold CR and LF together.
        let needsQuotes = text.utf8.contains { byte in
            byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
                || byte == UInt8(ascii: "\r")
        }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}

/// Numbers as text, the same everywhere: what JSON cannot hold is `Infinity`, `-Infinity` and `NaN`.
package enum NumberText {
    /// Every bit: the shortest text that reads back as the same number; whole numbers without a fraction.
    package static func exact(_ value: Double) -> String {
        if let special = special(value) { return special }
        if value == value.rounded(), abs(value) < 1e15, !(value == 0 && value.sign == .minus) {
            return String(Int64(value))
        }
        return "\(value)"
    }

    /// nil for a finite number.
    package static func special(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : nil
    }
}
