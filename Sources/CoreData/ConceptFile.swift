/// `concepts.yaml`: one map per folder. The format is fixed and small, so that it needs no YAML library:
///
/// ```yaml
/// 8_moons:
///   trigger: veko
///   class: moon
///   kind: object
///   prompts: ["veko moon on a blue background", "small veko moon"]
/// ```
/// Values are plain, or in double or single quotes; lists are in brackets or one `- item` a line; `#` begins a comment.
package enum ConceptFile {
    package static let name = "concepts.yaml"

    package static func parse(_ text: String, file: String) throws -> [Concept] {
        var concepts: [Concept] = []
        var fields: [String: ConceptFileValue] = [:]
        var lastKey: String?
        let finish = { (fields: [String: ConceptFileValue]) in
            guard let concept = concepts.popLast() else { return }
            concepts.append(try Self.filled(concept, from: fields, file: file))
        }
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = ConceptFileLine(String(raw), place: "\(file):\(index + 1)")
            switch try line.content() {
            case .blank: continue
            case .folder(let name):
                try finish(fields)
                guard !concepts.contains(where: { $0.folder == name }) else {
                    throw line.fault("folder \"\(name)\" stands here for the second time; merge the two")
                }
                concepts.append(Concept(folder: name, trigger: "", className: "", kind: .object))
                fields = [:]
                lastKey = nil
            case .field(let key, let value):
                guard !concepts.isEmpty else {
                    throw line.fault("\"\(key)\" before any folder; begin with \"N_name:\"")
                }
                guard knownKeys.contains(key) else {
                    throw line.fault("unknown key \"\(key)\"; known: \(knownKeys.joined(separator: ", "))")
                }
                guard fields[key] == nil else { throw line.fault("key \"\(key)\" twice in one folder") }
                fields[key] = ConceptFileValue(items: value ?? [], place: line.place)
                lastKey = value == nil ? key : nil
            case .item(let text):
                guard let key = lastKey else { throw line.fault("a list item without a key above it") }
                fields[key]?.items.append(text)
            }
        }
        try finish(fields)
        return concepts
    }

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

    static let knownKeys = ["trigger", "class", "kind", "subclasses", "prompts"]

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private static func filled(
        _ concept: Concept, from fields: [String: ConceptFileValue], file: String
    ) throws -> Concept {
        var concept = concept
        func single(_ key: String) throws -> String? {
            guard let value = fields[key] else { return nil }
            guard value.items.count == 1 else {
                throw DataError(
                    code: .malformed, message: "\(value.place): \"\(key)\" has \(value.items.count) values, wanted one")
            }
            return value.items[0]
        }
        concept.trigger = try single("trigger") ?? ""
        concept.className = try single("class") ?? concept.name
        if let text = try single("kind") {
            guard let kind = ConceptKind(rawValue: text) else {
                let known = ConceptKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw DataError(
                    code: .malformed,
                    message: "\(fields["kind"]?.place ?? file): kind \"\(text)\", wanted one of \(known)")
            }
            concept.kind = kind
        }
        concept.subclasses = fields["subclasses"]?.items ?? []
        concept.prompts = fields["prompts"]?.items ?? []
        return concept
    }
}

/// A value's items and the line it stands on, for messages.
struct ConceptFileValue {
    var items: [String]
    let place: String
}
