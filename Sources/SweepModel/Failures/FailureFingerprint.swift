package import RunSpec

/// What failures of one cause have in common: class, exit code, and the last error line without its numbers
/// and paths.
///
/// Only failures that a job's own script or settings cause have one: the others (memory, disk, a kill …) say
/// nothing about the next job.
package struct FailureFingerprint: Hashable, Sendable {
    package let text: String
    /// The line as it was written, for people; cut after 200 characters.
    package let line: String

    package static let longestLine = 200

    /// - Returns: nil for a class that tells nothing about other jobs.
    package init?(_ failure: FailureClass, exitCode: Int?, message: String) {
        guard failure.tellsAboutOthers else { return nil }
        let lines = message.split(whereSeparator: \.isNewline).map { $0.split(separator: " ").joined(separator: " ") }
        let last = Self.withoutEnding(lines.last { !$0.isEmpty } ?? "")
        line = String(last.prefix(Self.longestLine))
        text = "\(failure.rawValue)|\(exitCode.map(String.init) ?? "")|\(Self.masked(last.prefix(1000)))"
    }

    /// A worker's message says first how the trainer ended; the exit code is part of the fingerprint anyway.
    private static func withoutEnding(_ line: String) -> String {
        guard line.hasPrefix("the trainer exited with code "), let colon = line.firstRange(of: ": ") else {
            return line
        }
        return String(line[colon.upperBound...])
    }

    /// Words that hold a path become `<path>`; numbers, and words of hex digits, become `#`.
    private static func masked(_ line: Substring) -> String {
        line.split(separator: " ").map { word -> String in
            if word.contains(where: { $0 == "/" || $0 == "\\" }) { return "<path>" }
            return maskedNumbers(word)
        }.joined(separator: " ")
    }

    private static func maskedNumbers(_ word: Substring) -> String {
        var result = ""
        var rest = word[...]
        while let first = rest.first {
            let run = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
            guard !run.isEmpty else {
                result.append(first)
                rest.removeFirst()
                continue
            }
            let digits = run.contains(where: \.isNumber)
            let isHex = run.count >= 6 && run.allSatisfy(\.isHexDigit)
            if digits && (isHex || run.hasPrefix("0x")) {
                result.append("#")
            } else {
                var isInNumber = false
                for character in run {
                    if character.isNumber {
                        if !isInNumber { result.append("#") }
                        isInNumber = true
                    } else {
                        isInNumber = false
                        result.append(character)
                    }
                }
            }
            rest = rest.dropFirst(run.count)
        }
        // However a number is written (0.001, 1e-3, 1,000), it is one.
        for joint in ["#.#", "#,#", "#e-#", "#e+#", "#e#"] {
            while result.contains(joint) { result = result.replacing(joint, with: "#") }
        }
        return result
    }
}

extension FailureClass {
    /// Whether the same failure of several jobs says that their sweep is at fault.
    package var tellsAboutOthers: Bool { self == .crash || self == .badConfig }
}
