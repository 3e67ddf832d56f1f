package import RunSpec

/// Text with `{name}` in it. A name starts with a letter and holds letters, digits and underscores, in parts
/// between dots and with places in lists (`a.b[0].c`), so the braces of JSON, TOML and Python stay what they
/// are; `{{name}}` stands for `{name}` itself, and the shell's `${name}` is left alone.
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

    /// The name that it is, if it is nothing else.
    package var onlyName: String? {
        if pieces.count == 1, case .name(let name) = pieces[0] { return name }
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

    /// Names the worker fills in where no parameter has them: the job's name, its sweep and group, the step
    /// and the epoch of the state that is gone on from and the epoch after it, a free port of the machine,
    /// and the written configuration file.
    package static let provided = [
        "name", "sweep", "group", "seed", "checkpoint_step", "checkpoint_epoch", "next_epoch", "master_port", "config",
    ]

    /// Whether a parameter may have this name.
    package static func isName(_ text: String) -> Bool { CommandTemplate("{\(text)}").onlyName == text }

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
        var rest = text.unicodeScalars
        while true {
            guard let first = rest.first, isLetter(first) else { return nil }
            rest = rest.drop { isLetter($0) || ("0"..."9").contains($0) || $0 == "_" }
            while rest.first == "[" {
                let digits = rest.dropFirst().prefix { ("0"..."9").contains($0) }
                guard !digits.isEmpty, digits.endIndex < rest.endIndex, rest[digits.endIndex] == "]" else { return nil }
                rest = rest[rest.index(after: digits.endIndex)...]
            }
            guard rest.first == "." else { break }
            rest = rest.dropFirst()
        }
        guard Substring(rest).hasPrefix(closing) else { return nil }
        let name = text[text.startIndex..<rest.startIndex]
        return (String(name), name.count + closing.count)
    }

    private static func isLetter(_ scalar: UnicodeScalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }
}
