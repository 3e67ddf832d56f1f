/// A JSON Schema (2020-12), declared beside the payload that it describes; the OpenAPI file is made of these.
///
/// What a schema says the coordinator enforces: a value outside it is answered 400.
package struct WireSchema: Sendable, Equatable {
    package var json: [String: SchemaJSON]

    package static let any = WireSchema(json: [:])
    package static let flag = WireSchema(json: ["type": .text("boolean")])
    package static let number = WireSchema(json: ["type": .text("number")])
    package static let text = WireSchema(json: ["type": .text("string")])
    /// 64 lower-case hex digits.
    package static let sha256 = text(pattern: "^[0-9a-f]{64}$")
    /// A double that JSON may be unable to write.
    package static let measured = WireSchema(
        json: ["anyOf": .list([.object(number.json), .object(one(of: ["NaN", "Infinity", "-Infinity"]).json)])])

    package static func text(least: Int? = nil, most: Int? = nil, pattern: String? = nil) -> WireSchema {
        var json = text.json
        json["minLength"] = least.map { .integer($0) }
        json["maxLength"] = most.map { .integer($0) }
        json["pattern"] = pattern.map { .text($0) }
        return WireSchema(json: json)
    }

    package static func one(of texts: [String]) -> WireSchema {
        WireSchema(json: ["type": .text("string"), "enum": .list(texts.map { .text($0) })])
    }

    /// A 64-bit integer.
    package static func integer(_ least: Int = .min, _ most: Int = .max) -> WireSchema {
        WireSchema(json: ["type": .text("integer"), "minimum": .integer(least), "maximum": .integer(most)])
    }

    /// An unsigned 64-bit integer.
    package static let counter = WireSchema(
        json: ["type": .text("integer"), "minimum": .integer(0), "maximum": .literal(String(UInt64.max))])

    package static func number(above least: Double, most: Double) -> WireSchema {
        WireSchema(
            json: ["type": .text("number"), "exclusiveMinimum": .number(least), "maximum": .number(most)])
    }

    package static func array(_ items: WireSchema, most: Int? = nil) -> WireSchema {
        var json: [String: SchemaJSON] = ["type": .text("array"), "items": .object(items.json)]
        json["maxItems"] = most.map { .integer($0) }
        return WireSchema(json: json)
    }

    /// An object with keys of one kind (any, if nil) and values of one kind.
    package static func map(_ values: WireSchema, keys: WireSchema? = nil, most: Int? = nil) -> WireSchema {
        var json: [String: SchemaJSON] = ["type": .text("object"), "additionalProperties": .object(values.json)]
        json["propertyNames"] = keys.map { .object($0.json) }
        json["maxProperties"] = most.map { .integer($0) }
        return WireSchema(json: json)
    }

    /// - Parameter optional: properties that may be left out or null. Unknown ones are ignored.
    package static func object(_ required: [String: WireSchema], optional: [String: WireSchema] = [:]) -> WireSchema {
        let all = required.merging(optional.mapValues(\.orNull)) { own, _ in own }
        return WireSchema(json: [
            "type": .text("object"), "properties": .object(all.mapValues { .object($0.json) }),
            "required": .list(required.keys.sorted().map { .text($0) }),
        ])
    }

    package var orNull: WireSchema {
        WireSchema(json: ["anyOf": .list([.object(json), .object(["type": .text("null")])])])
    }
}

/// JSON with exact integers.
package indirect enum SchemaJSON: Sendable, Equatable {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    /// Written as it is: an integer that does not fit.
    case literal(String)
    case list([SchemaJSON])
    case object([String: SchemaJSON])

    /// Sorted keys, one line a value.
    package func written(indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .text(let text): return Self.quoted(text)
        case .integer(let value): return String(value)
        case .number(let value): return "\(value)"
        case .flag(let value): return value ? "true" : "false"
        case .literal(let text): return text
        case .list(let items):
            guard !items.isEmpty else { return "[]" }
            return "[\n" + items.map { inner + $0.written(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members):
            guard !members.isEmpty else { return "{}" }
            let lines = members.sorted { $0.key < $1.key }.map {
                "\(inner)\(Self.quoted($0.key)): \($0.value.written(indent: inner))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// What a body is.
package enum WireContent: Sendable, Equatable {
    case none
    case json(WireSchema)
    case bytes
}

/// A parameter of the path or the query.
package struct WireParameter: Sendable, Equatable {
    package let name: String
    package let schema: WireSchema
    package let isRequired: Bool

    package init(_ name: String, _ schema: WireSchema, required: Bool = true) {
        self.name = name
        self.schema = schema
        isRequired = required
    }
}
