package import Ports

/// The identity of a job: 64 lower-case hexadecimal digits. Equal identity is the same job, in whichever
/// sweep.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let digest: ContentDigest

    package init(_ digest: ContentDigest) { self.digest = digest }

    /// - Returns: `nil` unless `text` is exactly 64 lower-case hex digits.
    package init?(_ text: some StringProtocol) {
        guard let digest = ContentDigest(text) else { return nil }
        self.digest = digest
    }

    package var text: String { digest.text }
    package var description: String { text }

    /// What tables show; still unique in any ledger a person looks at.
    package var short: String { String(text.prefix(12)) }

    package static func < (a: Self, b: Self) -> Bool { a.digest < b.digest }
}

extension JobID: Codable {
    package init(from decoder: any Decoder) throws { digest = try ContentDigest(from: decoder) }
    package func encode(to encoder: any Encoder) throws { try digest.encode(to: encoder) }
}

/// The identity of a configuration: that of its jobs without the seed.
package struct ConfigurationID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let digest: ContentDigest

    package init(_ digest: ContentDigest) { self.digest = digest }

    package init?(_ text: some StringProtocol) {
        guard let digest = ContentDigest(text) else { return nil }
        self.digest = digest
    }

    package var text: String { digest.text }
    package var description: String { text }

    package static func < (a: Self, b: Self) -> Bool { a.digest < b.digest }
}

extension ConfigurationID: Codable {
    package init(from decoder: any Decoder) throws { digest = try ContentDigest(from: decoder) }
    package func encode(to encoder: any Encoder) throws { try digest.encode(to: encoder) }
}
