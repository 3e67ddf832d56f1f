/// Text for the macros of man(7).
enum Roff {
    /// One line: nothing of it is taken for a command, and hyphens stay hyphens that can be searched and
    /// copied.
    static func text(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let escaped = line.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }
}
