/// Any JSON, with the members of objects in the order of the text: PEFT's rules go by the first pattern that
/// fits.
package indirect enum OrderedJSON: Equatable, Sendable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([OrderedJSON])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: OrderedJSON

        package init(name: String, value: OrderedJSON) {
            self.name = name
            self.value = value
        }
    }

    /// - Parameter place: named in errors.
    /// - Throws: `TensorError.malformed` for anything that is no JSON, with the byte where it ends to be.
    package init(_ text: String, place: String) throws {
        var text = text
        self = try text.withUTF8 { bytes in
            var scanner = JSONScanner(UnsafeRawBufferPointer(bytes), place: place)
            let value = try scanner.value()
            try scanner.end()
            return value
        }
    }

    /// The last member of this name, as most readers take it; nil for none and for what is no object.
    package subscript(_ name: String) -> OrderedJSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// For messages: "a number", "a map".
    package var kind: String {
        switch self {
        case .null: "null"
        case .flag: "true or false"
        case .number: "a number"
        case .text: "text"
        case .list: "a list"
        case .object: "a map"
        }
    }
}

extension JSONScanner {
    private static let deepest = 64

    /// One value of any kind.
    mutating func value(depth: Int = 0) throws -> OrderedJSON {
        guard depth < Self.deepest else { throw fault("more than \(Self.deepest) levels") }
        skipSpace()
        guard position < bytes.count else { throw fault("wanted a value") }
        switch bytes[position] {
        case UInt8(ascii: "{"):
            var members: [OrderedJSON.Member] = []
            try object { scanner, name in
                members.append(.init(name: name, value: try scanner.value(depth: depth + 1)))
            }
            return .object(members)
        case UInt8(ascii: "["):
            try expect(UInt8(ascii: "["))
            var items: [OrderedJSON] = []
            if take(UInt8(ascii: "]")) { return .list(items) }
            repeat { items.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"))
            return .list(items)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default:
            for (word, value) in [("null", OrderedJSON.null), ("true", .flag(true)), ("false", .flag(false))]
            where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return value
            }
            throw fault("wanted a value")
        }
    }

    private mutating func number() throws -> Double {
        let start = position
        while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw fault("'\(text)' is no number") }
        return value
    }
}
