/// The line of a program's log that says best why it failed.
package enum ErrorLine {
    /// Longest line of a message, in characters.
    private static let longest = 800

    /// The exception of the last Python traceback (of a launcher's own, the one before), else the last line
    /// that speaks of an error, else the last one; nil for an empty log.
    package static func find(_ lines: [String]) -> String? {
        let lines = lines.filter { $0.contains { !$0.isWhitespace } }
        let found = exception(lines) ?? lines.last(where: speaksOfError) ?? lines.last
        return found.map { String(trimmed($0).prefix(longest)) }
    }

    /// A traceback's exception stands in the first line after it that is not indented.
    private static func exception(_ lines: [String]) -> String? {
        var exceptions: [(index: Int, line: String)] = []
        var isInside = false
        for (index, line) in lines.enumerated() {
            let text = withoutRank(line)
            if text.contains("Traceback (most recent call last)") {
                isInside = true
            } else if isInside, let first = text.first, !first.isWhitespace, first != "|", first != "+" {
                isInside = false
                exceptions.append((index, text))
            }
        }
        guard let last = exceptions.last else { return nil }
        // What is printed long after a traceback that was caught counts more, if it speaks of an error
        // itself.
        if let newer = lines[(last.index + 1)...].last(where: speaksOfError), lines.count - last.index > 30 {
            return newer
        }
        return exceptions.last { !isLauncher($0.line) }?.line ?? last.line
    }

    /// Programs that start trainers report that their child failed, which says nothing.
    private static func isLauncher(_ line: String) -> Bool {
        ["subprocess.CalledProcessError", "CalledProcessError", "torch.distributed.elastic", "ChildFailedError"]
            .contains { line.hasPrefix($0) }
    }

    /// torchrun puts `[rank0]: ` before what a rank prints.
    private static func withoutRank(_ line: String) -> String {
        guard line.hasPrefix("[rank"), let end = line.firstIndex(of: "]"), line[end...].hasPrefix("]: ") else {
            return line
        }
        return String(line[line.index(end, offsetBy: 3)...])
    }

    private static let words: Set<String> = [
        "error", "errors", "exception", "fatal", "panic", "abort", "aborted", "assertion", "cannot", "can't",
        "couldn't",
        "failed", "failure", "refused", "killed", "segmentation", "invalid", "unknown", "missing", "unsupported",
        "unrecognized", "denied", "unable", "terminate",
    ]
    private static let phrases = [
        "could not", "not found", "no such file", "not there", "out of memory", "no space left", "error:", "exception:",
        "core dumped", "does not exist", "bad_alloc",
    ]

    private static func speaksOfError(_ line: String) -> Bool {
        let lower = line.lowercased()
        if phrases.contains(where: lower.contains) { return true }
        // `ValueError` and `cudaErrorUnknown` hold the word as well.
        if line.contains("Error") || line.contains("Exception") { return true }
        return lower.split { !$0.isLetter && $0 != "'" }.contains { words.contains(String($0)) }
    }

    private static func trimmed(_ line: String) -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(line.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
