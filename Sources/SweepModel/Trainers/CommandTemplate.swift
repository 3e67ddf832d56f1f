package import RunSpec

/// Text with `{name}` in it. A name starts with a letter and holds letters, digits and underscores, so the
/// braces of JSON, TOML and Python stay what they are; `{{name}}` stands for `{name}` itself, and the shell's
/// `${name}` is left alone.
package struct CommandTemplate: Equatable, Sendable {
    private enum Piece: Equatable, Sendable {
        case text(String)
        case name(String)
    }

    private let pieces: [Piece]

    package init(_ text: String) {
        var pieces: [Piece] = []
        var literal = ""
        var rest = Substring(text)
        while let brace = rest.firstIndex(of: "{") {
            literal += rest[..<brace]
            rest = rest[brace...]
            let isShell = literal.last == "$"
            if let (name, length) = Self.name(in: rest.dropFirst(2), closing: "}}"), rest.hasPrefix("{{") {
                literal += "{\(name)}"
                rest = rest.dropFirst(length + 2)
            } else if !isShell, let (name, length) = Self.name(in: rest.dropFirst(1), closing: "}") {
                if !literal.isEmpty { pieces.append(.text(literal)) }
                literal = ""
                pieces.append(.name(name))
                rest = rest.dropFirst(length + 1)
            } else {
                literal += "{"
                rest = rest.dropFirst()
            }
        }
        literal += rest
        if !literal.isEmpty { pieces.append(.text(literal)) }
        self.pieces = pieces
    }

    /// The names in it, in order, repeats included.
    package var names: [String] {
        pieces.compactMap { piece in
            if case .name(let name) = piece { return name }
            return nil
        }
    }

    /// The name it begins with, if no other text stands before it.
    package var leadingName: String? {
        if case .name(let name) = pieces.first { return name }
        return nil
    }

    /// - Throws: `SweepModelError` for a name without a value.
    package func rendered(_ values: [String: String]) throws(SweepModelError) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let literal): text += literal
            case .name(let name):
                guard let value = values[name] else {
                    throw SweepModelError(
                        code: .badTemplate,
                        message: "no value for {\(name)}; write {{\(name)}} if the braces are meant literally")
                }
                text += value
            }
        }
        return text
    }

    /// Names the worker fills in; none of them can be a parameter.
    package static let reserved = ["out", "job", "attempt", "gpus", "base", "data", "checkpoint", "threads", "radiata"]

    /// A parameter's value as it stands in a command line or a configuration file: numbers in their shortest
    /// plain form, lists as `[0.9, 0.99]`.
    package static func text(of value: ParameterValue) throws(SweepModelError) -> String {
        switch value {
        case .number(let number): return try CanonicalJSON.number(number)
        case .list(let list):
            var parts: [String] = []
            for item in list { parts.append(try text(of: item)) }
            return "[" + parts.joined(separator: ", ") + "]"
        case .text(let text): return text
        case .flag(let flag): return flag ? "true" : "false"
        case .null: return ""
        case .map: return try CanonicalJSON.text(value)
        }
    }

    /// A name up to the closing braces, and how many characters both take.
    private static func name(in text: Substring, closing: String) -> (name: String, length: Int)? {
        guard let first = text.unicodeScalars.first, isLetter(first) else { return nil }
        let name = text.unicodeScalars.prefix { isLetter($0) || ("0"..."9").contains($0) || $0 == "_" }
        guard text.dropFirst(name.count).hasPrefix(closing) else { return nil }
        return (String(name), name.count + closing.count)
    }

    private static func isLetter(_ scalar: UnicodeScalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }
}
