/// One value of a parameter: a plain JSON value, so that it reads the same in a sweep file, a job file and
/// the ledger.
package enum ParameterValue: Sendable, Hashable {
    case number(Double)
    case text(String)
    case flag(Bool)
    case list([ParameterValue])
    case map([String: ParameterValue])
    case null
}

extension ParameterValue {
    package var number: Double? {
        if case .number(let value) = self { return value }
        return nil
    }

    /// The number as an integer, if it is one that a double holds exactly.
    package var integer: Int? {
        guard case .number(let value) = self, value == value.rounded(), abs(value) <= Self.largestInteger else {
            return nil
        }
        return Int(value)
    }

    package var text: String? {
        if case .text(let value) = self { return value }
        return nil
    }

    package var flag: Bool? {
        if case .flag(let value) = self { return value }
        return nil
    }

    package var list: [ParameterValue]? {
        if case .list(let value) = self { return value }
        return nil
    }

    package var map: [String: ParameterValue]? {
        if case .map(let value) = self { return value }
        return nil
    }

    package var isNull: Bool { self == .null }

    /// 2^53: above it neighbouring integers share one double, so two different jobs could get one identity.
    package static let largestInteger: Double = 9_007_199_254_740_992

    /// What a message calls a value of this kind.
    package var kindName: String {
        switch self {
        case .number: "a number"
        case .text: "text"
        case .flag: "true or false"
        case .list: "a list"
        case .map: "a map"
        case .null: "nothing"
        }
    }
}

extension ParameterValue: Codable {
    /// A decoder only tells what is there by refusing what is not: the likeliest kinds are asked for first.
    package init(from decoder: any Decoder) throws {
        if let single = try? decoder.singleValueContainer() {
            if single.decodeNil() {
                self = .null
                return
            }
            if let text = try? single.decode(String.self) {
                self = .text(text)
                return
            }
            if let number = try? single.decode(Double.self) {
                self = .number(number)
                return
            }
            if let flag = try? single.decode(Bool.self) {
                self = .flag(flag)
                return
            }
        }
        if var items = try? decoder.unkeyedContainer() {
            var list: [ParameterValue] = []
            while !items.isAtEnd { list.append(try items.decode(ParameterValue.self)) }
            self = .list(list)
        } else {
            let keyed = try decoder.container(keyedBy: AnyCodingKey.self)
            var map: [String: ParameterValue] = [:]
            for key in keyed.allKeys { map[key.stringValue] = try keyed.decode(ParameterValue.self, forKey: key) }
            self = .map(map)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .map(let map):
            var keyed = encoder.container(keyedBy: AnyCodingKey.self)
            for (key, value) in map { try keyed.encode(value, forKey: AnyCodingKey(stringValue: key)) }
        case .list(let list):
            var items = encoder.unkeyedContainer()
            for value in list { try items.encode(value) }
        case .number(let number):
            var single = encoder.singleValueContainer()
            // An integer is written without exponent or fraction, whatever the encoder makes of doubles.
            if let integer { try single.encode(integer) } else { try single.encode(number) }
        case .text(let text):
            var single = encoder.singleValueContainer()
            try single.encode(text)
        case .flag(let flag):
            var single = encoder.singleValueContainer()
            try single.encode(flag)
        case .null:
            var single = encoder.singleValueContainer()
            try single.encodeNil()
        }
    }
}

extension ParameterValue: CustomStringConvertible {
    /// The value as a person writes it in a sweep file: `0.0005`, `attn-mlp`, `[0.9, 0.99]`.
    package var description: String {
        switch self {
        case .number(let value): integer.map(String.init) ?? "\(value)"
        case .text(let value): value
        case .flag(let value): value ? "true" : "false"
        case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .map(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        case .null: "null"
        }
    }
}

extension ParameterValue: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(integerLiteral value: Int) { self = .number(Double(value)) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(arrayLiteral elements: ParameterValue...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, ParameterValue)...) {
        self = .map(Dictionary(elements) { _, last in last })
    }
    package init(nilLiteral: ()) { self = .null }
}
