import Foundation

/// A regular expression with named groups, `(?<name>…)` or Python's `(?P<name>…)`, for the lines that a
/// program prints. A name may hold what ICU's do not allow: underscores, slashes.
package struct LinePattern: Sendable {
    private let expression: NSRegularExpression
    /// The groups with a name, by their number.
    private let groups: [(number: Int, name: String)]

    /// In the order of their groups.
    package var names: [String] { groups.map(\.name) }

    /// - Throws: `SweepModelError` for what is no regular expression.
    package init(_ pattern: String) throws(SweepModelError) {
        let (plain, groups) = Self.unnamed(pattern)
        self.groups = groups
        do {
            expression = try NSRegularExpression(pattern: plain)
        } catch {
            throw SweepModelError(code: .badTemplate, message: "'\(pattern)' is no regular expression")
        }
    }

    /// What the named groups hold where the line matches; nil where it does not. Groups that took no part are
    /// left out.
    package func match(_ line: String) -> [(name: String, text: String)]? {
        guard let match = expression.firstMatch(in: line, range: NSRange(line.startIndex..., in: line)) else {
            return nil
        }
        return groups.compactMap { group in
            guard group.number < match.numberOfRanges, let range = Range(match.range(at: group.number), in: line) else {
                return nil
            }
            return (group.name, String(line[range]))
        }
    }

    /// The pattern with plain groups for named ones.
    private static func unnamed(_ pattern: String) -> (String, [(number: Int, name: String)]) {
        var plain = ""
        var groups: [(number: Int, name: String)] = []
        var count = 0
        var isInSet = false
        var rest = pattern[...]
        while let character = rest.popFirst() {
            plain.append(character)
            if character == "\\" {
                if let escaped = rest.popFirst() { plain.append(escaped) }
            } else if isInSet {
                isInSet = character != "]"
            } else if character == "[" {
                isInSet = true
            } else if character == "(" {
                guard rest.hasPrefix("?") else {
                    count += 1
                    continue
                }
                guard let (name, length) = self.name(rest) else { continue }
                count += 1
                groups.append((count, name))
                rest = rest.dropFirst(length)
            }
        }
        return (plain, groups)
    }

    /// Of `?<name>` or `?P<name>` at the beginning; lookbehinds are none.
    private static func name(_ text: Substring) -> (name: String, length: Int)? {
        guard let head = ["?P<", "?<"].first(where: text.hasPrefix) else { return nil }
        let name = text.dropFirst(head.count).prefix { $0 != ">" }
        guard let first = name.first, first != "=", first != "!", text.count > head.count + name.count else {
            return nil
        }
        return (String(name), head.count + name.count + 1)
    }
}
