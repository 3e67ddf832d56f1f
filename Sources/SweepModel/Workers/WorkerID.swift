/// A worker's identity: random text that lies in its work folder, so that it outlives a restart.
package struct WorkerID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    /// Digits of an id that are enough for a user to name it by, and that tables show.
    package static let shortestPrefix = 8

    package let text: String

    package init(_ text: String) { self.text = text }

    package init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package var description: String { text }

    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// One start of a worker. Made by the worker (128 random bits as 32 hex digits); every start makes a new one.
package struct SessionID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
    /// Whether this is 32 lower-case hex digits.
    package var isValid: Bool { rawValue.utf8.count == 32 && rawValue.utf8.allSatisfy { $0.isHexDigit } }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool { (48...57).contains(self) || (97...102).contains(self) }
}
