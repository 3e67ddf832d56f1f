import Foundation

/// Standard output for results, standard error for everything said on the way.
enum Console {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func out(_ text: String) { write(text + "\n") }

    /// Text without a line end. On a terminal, control characters of names and logs are shown, not obeyed: they could
    /// move the cursor, change the title or the clipboard. Pipes get what there is.
    static func write(_ text: String) {
        let shown = isatty(STDOUT_FILENO) == 1 ? visible(text) : text
        FileHandle.standardOutput.write(Data(shown.utf8))
    }

    static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    private static func isControl(_ scalar: UnicodeScalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
    }

    static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// One line rewritten in place on a terminal; in a pipe the caller prints plain lines instead.
    static func rewrite(_ text: String) {
        FileHandle.standardError.write(Data("\r\u{1B}[2K\(text)".utf8))
    }

    static func bar(done: Double, width: Int = 24) -> String {
        let filled = Int((min(max(done, 0), 1) * Double(width)).rounded())
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }
}
