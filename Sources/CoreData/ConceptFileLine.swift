/// One line of `concepts.yaml`, taken apart.
struct ConceptFileLine {
    enum Content {
        case blank
        case folder(String)
        /// `value` is nil where list items follow on their own lines.
        case field(key: String, value: [String]?)
        case item(String)
    }

    let place: String
    private let text: String

    init(_ text: String, place: String) {
        self.text = text
        self.place = place
    }

    func fault(_ reason: String) -> DataError { DataError(code: .malformed, message: "\(place): \(reason)") }

    func content() throws -> Content {
        let body = try Self.withoutComment(text)
        let indented = body.first == " "
        if body.contains("\t") { throw fault("a tab; indent with spaces") }
        let trimmed = Self.trimmed(body)
        if trimmed.isEmpty || trimmed == "---" { return .blank }
        if trimmed.hasPrefix("- ") {
            return .item(try scalar(Self.trimmed(String(trimmed.dropFirst(2)))))
        }
        guard let colon = Self.colon(in: trimmed) else { throw fault("\"\(trimmed)\", wanted \"key: value\"") }
        let key = try scalar(String(trimmed[..<colon]))
        let rest = Self.trimmed(String(trimmed[trimmed.index(after: colon)...]))
        if !indented {
            guard rest.isEmpty else { throw fault("\"\(key)\" is not indented, so it names a folder and has no value") }
            return .folder(key)
        }
        if rest.isEmpty { return .field(key: key, value: nil) }
        if rest.hasPrefix("[") {
            guard rest.hasSuffix("]") else { throw fault("a list without its \"]\" on the same line") }
            return .field(key: key, value: try items(String(rest.dropFirst().dropLast())))
        }
        return .field(key: key, value: [try scalar(rest)])
    }

    private func items(_ list: String) throws -> [String] {
        var parts: [String] = [""]
        var quote: Character?
        for character in list {
            if character == "," && quote == nil {
                parts.append("")
                continue
            }
            if quote == character { quote = nil } else if quote == nil, "\"'".contains(character) { quote = character }
            parts[parts.count - 1].append(character)
        }
        return try parts.map(Self.trimmed).filter { !$0.isEmpty }.map(scalar)
    }

    private func scalar(_ text: String) throws -> String {
        guard let first = text.first, first == "\"" || first == "'" else { return text }
        guard text.count >= 2, text.last == first else { throw fault("\(text) has no closing quote") }
        let inner = text.dropFirst().dropLast()
        if first == "'" { return String(inner).replacing("''", with: "'") }
        var out = ""
        var escaped = false
        for character in inner {
            if !escaped && character == "\\" {
                escaped = true
                continue
            }
            if escaped, !"\"\\".contains(character) { throw fault("\\\(character): only \\\" and \\\\ are known") }
            out.append(character)
            escaped = false
        }
        return out
    }

    /// The first colon outside quotes that ends a key.
    private static func colon(in text: String) -> String.Index? {
        var quote: Character?
        for index in text.indices {
            let character = text[index]
            if quote == character { quote = nil } else if quote == nil, "\"'".contains(character) { quote = character }
            if quote == nil, character == ":" {
                let next = text.index(after: index)
                if next == text.endIndex || text[next] == " " { return index }
            }
        }
        return nil
    }

    private static func withoutComment(_ text: String) throws -> String {
        var quote: Character?
        var previous: Character = " "
        for index in text.indices {
            let character = text[index]
            if quote == character {
                quote = nil
            } else if quote == nil, "\"'".contains(character), " [,".contains(previous) {
                quote = character
            }
            if quote == nil, character == "#", previous == " " { return String(text[..<index]) }
            previous = character
        }
        return text
    }

    private static func trimmed(_ text: String) -> String {
        let isSpace = { (character: Character) in character == " " || character == "\r" }
        let start = text.firstIndex { !isSpace($0) } ?? text.endIndex
        let end = text.lastIndex { !isSpace($0) }.map { text.index(after: $0) } ?? start
        return String(text[start..<end])
    }
}
