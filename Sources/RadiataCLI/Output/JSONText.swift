import Foundation

/// JSON for scripts: sorted keys, readable indentation. Every object has `"version": 1`, in a list every
/// item.
enum JSONText {
    /// Of the shapes that the program prints.
    static let version = 1

    /// Rows as they are: their keys are the columns that were asked for.
    static func encode(object: Any) throws -> String {
        let data = try JSONSerialization.data(
            withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    static func encode(_ value: some Encodable) throws -> String { try encode(value, [.prettyPrinted]) }

    /// The same on one line, for streams of objects.
    static func line(_ value: some Encodable) throws -> String { try encode(value, []) }

    private static func encode(_ value: some Encodable, _ more: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = more.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return String(decoding: try encoder.encode(Versioned(value: value)), as: UTF8.self)
    }

    /// A value with the key `version` beside its own.
    private struct Versioned<Value: Encodable>: Encodable {
        let value: Value

        private struct Key: CodingKey {
            let stringValue: String
            let intValue: Int? = nil
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        func encode(to encoder: any Encoder) throws {
            if let items = value as? [any Encodable] {
                var list = encoder.unkeyedContainer()
                for item in items { try Self.add(item, to: &list) }
                return
            }
            try value.encode(to: encoder)
            guard Mirror(reflecting: value).displayStyle == .struct else { return }
            var keyed = encoder.container(keyedBy: Key.self)
            try keyed.encode(JSONText.version, forKey: Key(stringValue: "version"))
        }

        private static func add<Item: Encodable>(_ item: Item, to list: inout any UnkeyedEncodingContainer) throws {
            try list.encode(Versioned<Item>(value: item))
        }
    }
}
