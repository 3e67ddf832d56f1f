package import SweepModel

/// A code, and beside it what the code brings along.
extension ReportOutcome: Codable {
    private enum Code: String, Codable { case accepted, superseded, gap, missingBlobs, refused, notTried }
    private enum CodingKeys: String, CodingKey { case code, expected, blobs, message }

    /// - Throws: `DecodingError` for a code that is not known.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Code.self, forKey: .code) {
        case .accepted: self = .accepted
        case .superseded: self = .superseded
        case .gap: self = .gap(expected: try container.decodeIfPresent(UInt64.self, forKey: .expected) ?? 1)
        case .missingBlobs:
            self = .missingBlobs(try container.decodeIfPresent([String].self, forKey: .blobs) ?? [])
        case .refused:
            self = .refused(try container.decodeIfPresent(String.self, forKey: .message) ?? "no reason given")
        case .notTried: self = .notTried
        }
    }

    /// - Throws: `EncodingError`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .accepted: try container.encode(Code.accepted, forKey: .code)
        case .superseded: try container.encode(Code.superseded, forKey: .code)
        case .gap(let expected):
            try container.encode(Code.gap, forKey: .code)
            try container.encode(expected, forKey: .expected)
        case .missingBlobs(let blobs):
            try container.encode(Code.missingBlobs, forKey: .code)
            try container.encode(blobs, forKey: .blobs)
        case .refused(let message):
            try container.encode(Code.refused, forKey: .code)
            try container.encode(message, forKey: .message)
        case .notTried: try container.encode(Code.notTried, forKey: .code)
        }
    }
}
