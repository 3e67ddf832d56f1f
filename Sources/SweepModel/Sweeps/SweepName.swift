/// A sweep's name: lower-case letters, digits and hyphens, 1 to 100 of them. Safe in a path, a URL and a
/// shell.
package struct SweepName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package static let wanted = "1 to 100 of a-z, 0-9 and '-', not starting with '-'"

    package init?(_ text: String) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard allowed, (1...100).contains(text.utf8.count), !text.hasPrefix("-") else { return nil }
        self.text = text
    }

    /// Stands for a name that is missing or refused.
    package static let unnamed = SweepName(known: "unnamed")

    private init(known text: String) { self.text = text }

    package var description: String { text }

    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

extension SweepName: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let name = SweepName(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text.prefix(100))' is no sweep name: wanted \(Self.wanted)")
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
