import SweepModel

/// A node of a YAML text with its place, plain scalars resolved by the YAML 1.2 core schema.
struct YAMLNode {
    enum Content {
        /// The value, and the text as it stands in the file: `010` is the number 10 and the text "010".
        case scalar(YAMLScalar, source: String)
        case sequence([YAMLNode])
        /// In the order of the file; keys are unique.
        case mapping([YAMLEntry])
    }

    let content: Content
    let mark: SourceMark

    /// What a message calls it.
    var kindName: String {
        switch content {
        case .scalar(let scalar, let source):
            switch scalar {
            case .null: "nothing"
            case .flag(let flag): flag ? "true" : "false"
            case .number: "the number \(source)"
            case .text(let text): "the text '\(text.prefix(60))'"
            }
        case .sequence: "a list"
        case .mapping: "a map"
        }
    }
}

struct YAMLEntry {
    let key: String
    let keyMark: SourceMark
    let value: YAMLNode
}

enum YAMLScalar: Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)

    /// A plain scalar's value by the core schema (YAML 1.2.2, section 10.3.2): `on` and `1:30` are text,
    /// `010` is 10.
    init(plain text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .flag(true)
        case "false", "False", "FALSE": self = .flag(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": self = .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": self = .number(-.infinity)
        case ".nan", ".NaN", ".NAN": self = .number(.nan)
        default: self = Self.number(text).map(YAMLScalar.number) ?? .text(text)
        }
    }

    private static func number(_ text: String) -> Double? {
        if text.hasPrefix("0o") { return UInt64(text.dropFirst(2), radix: 8).map { Double($0) } }
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16).map { Double($0) } }
        // [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
        var rest = Substring(text)
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        let whole = digits(&rest)
        var fraction = 0
        if rest.first == "." {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard whole + fraction > 0 else { return nil }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
            guard digits(&rest) > 0 else { return nil }
        }
        guard rest.isEmpty else { return nil }
        // Double() wants no leading plus and a digit on both sides of the point.
        var spelled = text.hasPrefix("+") ? String(text.dropFirst()) : text
        if whole == 0 { spelled.replace(".", with: "0.", maxReplacements: 1) }
        if whole > 0, fraction == 0 { spelled.replace(".", with: "", maxReplacements: 1) }
        return Double(spelled)
    }

    private static func digits(_ text: inout Substring) -> Int {
        let run = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
        text = text.dropFirst(run)
        return run
    }
}
