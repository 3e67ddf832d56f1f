import Foundation

/// Standard output for results, standard error for everything said on the way.
enum Console {
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static func out(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
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
