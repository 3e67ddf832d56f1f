/// One argument of a command: text that may hold `{name}`, and perhaps a condition.
package struct CommandArgument: Equatable, Sendable, ExpressibleByStringInterpolation {
    package var text: String
    /// A parameter; the argument stands only where it is set and not `false`, or, with a `!` before it, only
    /// where it is not.
    package var condition: String?

    package init(_ text: String, condition: String? = nil) {
        self.text = text
        self.condition = condition
    }

    package init(stringLiteral text: String) { self.init(text) }

    /// The parameter that a condition is about.
    package static func name(of condition: String) -> String {
        condition.hasPrefix("!") ? String(condition.dropFirst()) : condition
    }
}

extension CommandArgument: Codable {
    private enum CodingKeys: String, CodingKey {
        case text
        case condition = "when"
    }

    /// Plain text where there is no condition, as arguments always were.
    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self.init(text)
            return
        }
        let keyed = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try keyed.decode(String.self, forKey: .text),
            condition: try keyed.decodeIfPresent(String.self, forKey: .condition))
    }

    package func encode(to encoder: any Encoder) throws {
        guard condition != nil else {
            var single = encoder.singleValueContainer()
            return try single.encode(text)
        }
        var keyed = encoder.container(keyedBy: CodingKeys.self)
        try keyed.encode(text, forKey: .text)
        try keyed.encodeIfPresent(condition, forKey: .condition)
    }
}
