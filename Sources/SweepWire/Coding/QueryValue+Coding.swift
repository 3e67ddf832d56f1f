import Ports
package import SweepModel

/// null, number, text; a blob as `{"hex": "…"}`.
extension QueryValue: Codable {
    private enum CodingKeys: String, CodingKey { case hex }

    /// A decoder only tells what is there by refusing what is not.
    ///
    /// - Throws: `DecodingError` for what is none of these.
    package init(from decoder: any Decoder) throws {
        if let container = try? decoder.singleValueContainer() {
            if container.decodeNil() {
                self = .null
                return
            }
            if let value = try? container.decode(Int64.self) {
                self = .integer(value)
                return
            }
            // Before text, so that "NaN" and "Infinity" written for non-finite numbers come back as numbers.
            if let value = try? container.decode(Double.self) {
                self = .real(value)
                return
            }
            if let value = try? container.decode(String.self) {
                self = .text(value)
                return
            }
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let text = try container.decode(String.self, forKey: .hex)
        guard let bytes = [UInt8](hexadecimal: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .hex, in: container, debugDescription: "'\(text.prefix(80))' is no hex text")
        }
        self = .blob(bytes)
    }

    /// - Throws: `EncodingError`.
    package func encode(to encoder: any Encoder) throws {
        var single: any SingleValueEncodingContainer { encoder.singleValueContainer() }
        switch self {
        case .null:
            var container = single
            try container.encodeNil()
        case .integer(let value):
            var container = single
            try container.encode(value)
        case .real(let value):
            var container = single
            try container.encode(value)
        case .text(let value):
            var container = single
            try container.encode(value)
        case .blob(let bytes):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(bytes.hexadecimal, forKey: .hex)
        }
    }
}
