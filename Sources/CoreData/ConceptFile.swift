/// `concepts.yaml`: one map per folder. The format is fixed and small, so that it needs no YAML library:
///
/// ```yaml
/// 8_moons:
///   trigger: veko
///   class: moon
///   kind: object
///   prompts: ["veko moon on a blue background", "small veko moon"]
/// ```
/// Values are plain, or in double or single quotes; lists are in brackets or one `- item` a line; `#` begins
/// a comment.
package enum ConceptFile {
    package static let name = "concepts.yaml"

    /// - Throws: the first fault.
    package static func parse(_ text: String, file: String) throws -> [Concept] {
        let (concepts, faults) = read(text, file: file)
        if let fault = faults.first { throw fault }
        return concepts
    }

    /// What can be read of the file, and every fault.
    package static func read(_ text: String, file: String) -> (concepts: [Concept], faults: [DataError]) {
        var reading = ConceptFileReading(file: file)
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
            .enumerated()
        {
            reading.take(ConceptFileLine(String(raw), place: "\(file):\(index + 1)"))
        }
        return reading.finish()
    }

    /// The text of the file.
    package static func format(_ concepts: [Concept]) -> String {
        concepts.map { concept in
            var lines = ["\(concept.folder):"]
            lines.append("  trigger: \(quoted(concept.trigger))")
            lines.append("  class: \(quoted(concept.className))")
            lines.append("  kind: \(concept.kind.rawValue)")
            for (key, list) in [("subclasses", concept.subclasses), ("prompts", concept.prompts)] where !list.isEmpty {
                lines.append("  \(key):")
                lines += list.map { "    - \(quoted($0))" }
            }
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    /// Whether a folder's name can stand in the file as it is.
    package static func isPlainKey(_ name: String) -> Bool {
        guard let first = name.first, name.last?.isWhitespace == false else { return false }
        return !first.isWhitespace && !"\"'".contains(first)
            && !name.contains { $0 == ":" || $0 == "#" || $0.isNewline || $0 == "\t" }
    }

    static let knownKeys = ["trigger", "class", "kind", "subclasses", "prompts"]

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
