/// Puts other jobs into a sweep file and leaves the rest as its author wrote it.
package enum SweepFileRewrite {
    /// What says which jobs a file has.
    private static let keysOfJobs: Set<String> = ["seeds", "defaults", "groups"]

    /// The file's text without its `seeds`, `defaults` and `groups`, and with a fragment that has others.
    ///
    /// - Returns: nil for a file whose top level is not written a key a line.
    package static func replacingJobs(in text: String, with fragment: String) -> String? {
        var kept: [Substring] = []
        var (isDropped, dropped) = (false, 0)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // A key of the top level stands at the margin; its value goes on until the next one.
            if let first = line.first, !first.isWhitespace, first != "#", first != "-" {
                guard let colon = line.firstIndex(of: ":"), !"{[".contains(first) else { return nil }
                isDropped = keysOfJobs.contains(line[..<colon].trimmingQuotes)
                if isDropped { dropped += 1 }
            }
            if !isDropped { kept.append(line) }
        }
        guard dropped > 0 else { return nil }
        while kept.last?.allSatisfy(\.isWhitespace) == true { kept.removeLast() }
        return kept.joined(separator: "\n") + "\n" + fragment
    }
}

extension Substring {
    /// A key without its quotes and the spaces around.
    fileprivate var trimmingQuotes: String {
        var text = self
        while let last = text.last, last.isWhitespace { text.removeLast() }
        if text.count > 1, let first = text.first, first == text.last, "\"'".contains(first) {
            text = text.dropFirst().dropLast()
        }
        return String(text)
    }
}
