import Foundation

/// A JSON document, for configuration files whose values may be numbers or lists of numbers.
package enum JSONValue: Equatable, Sendable, Codable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // A decoder only tells what is there by refusing what is not.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let value): try container.encode(value)
        case .number(let value):
            // Python readers want 4, not 4.0, where an integer is meant.
            if let whole = Int(exactly: value) { try container.encode(whole) } else { try container.encode(value) }
        case .text(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }

    /// A list of whole numbers.
    package static func numbers(_ values: [Int]) -> JSONValue { .list(values.map { .number(Double($0)) }) }
    /// A list of texts.
    package static func texts(_ values: [String]) -> JSONValue { .list(values.map { .text($0) }) }

    /// Reads a file that holds one JSON object.
    ///
    /// - Throws: `DiffusionError.missingFile`, `.unreadable`.
    package static func object(path: String) throws -> [String: JSONValue] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DiffusionError(code: .missingFile, message: "no file \(path)")
        }
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return try JSONDecoder().decode([String: JSONValue].self, from: data)
        } catch {
            throw DiffusionError(code: .unreadable, message: "\(path): not a JSON object: \(error)")
        }
    }

    /// Writes an object with sorted keys, so that equal configurations give equal bytes.
    ///
    /// - Throws: Foundation's error if the file cannot be written.
    package static func write(_ object: [String: JSONValue], path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var data = try encoder.encode(object)
        data.append(0x0A)
        try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
