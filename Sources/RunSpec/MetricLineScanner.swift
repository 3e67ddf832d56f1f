/// Reads the numbers of one JSON object. Own code because trainers write bare `NaN`, which is no JSON, and
/// because metrics come by the hundred thousand.
struct MetricLineScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ line: String) { bytes = Array(line.utf8) }

    /// Every member in its order. Keys are told apart by their bytes elsewhere, not here.
    mutating func object() throws(RunSpecError) -> [(key: String, value: MetricValue)] {
        var members: [(key: String, value: MetricValue)] = []
        try expect(UInt8(ascii: "{"))
        skipSpace()
        if peek == UInt8(ascii: "}") {
            position += 1
        } else {
            repeat {
                let key = try string()
                try expect(UInt8(ascii: ":"))
                members.append((key, try value(depth: 0)))
            } while try another(closing: UInt8(ascii: "}"))
        }
        skipSpace()
        guard position == bytes.count else { throw refused("text after the object") }
        return members
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(RunSpecError) {
        skipSpace()
        guard peek == byte else { throw refused("wanted '\(Character(UnicodeScalar(byte)))'") }
        position += 1
    }

    /// After a member: true at a comma, false at the closing bracket.
    private mutating func another(closing: UInt8) throws(RunSpecError) -> Bool {
        skipSpace()
        guard let byte = peek, byte == UInt8(ascii: ",") || byte == closing else {
            throw refused("wanted a comma or the end")
        }
        position += 1
        return byte != closing
    }

    private mutating func value(depth: Int) throws(RunSpecError) -> MetricValue {
        skipSpace()
        guard depth < 16 else { throw refused("nested too deeply") }
        switch peek {
        case UInt8(ascii: "\""):
            return .text(try string())
        case UInt8(ascii: "{"):
            position += 1
            try skipMembers(closing: UInt8(ascii: "}"), keyed: true, depth: depth)
            return .other
        case UInt8(ascii: "["):
            position += 1
            try skipMembers(closing: UInt8(ascii: "]"), keyed: false, depth: depth)
            return .other
        default:
            return try word()
        }
    }

    private mutating func skipMembers(closing: UInt8, keyed: Bool, depth: Int) throws(RunSpecError) {
        skipSpace()
        if peek == closing {
            position += 1
            return
        }
        repeat {
            if keyed {
                _ = try string()
                try expect(UInt8(ascii: ":"))
            }
            _ = try value(depth: depth + 1)
        } while try another(closing: closing)
    }

    /// A number or a bare word.
    private mutating func word() throws(RunSpecError) -> MetricValue {
        let start = position
        while let byte = peek, Self.isWordByte(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        switch text {
        case "null": return .number(.nan)
        case "true", "false": return .other
        default: break
        }
        if let special = MetricValue.special[text] { return .number(special) }
        // Double() also takes hexadecimal and "+1"; JSON takes neither.
        guard let first = text.first, first == "-" || first.isNumber, !text.contains("x"), let value = Double(text)
        else {
            throw refused("'\(text.prefix(20))' is no value")
        }
        return .number(value)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func string() throws(RunSpecError) -> String {
        try expect(UInt8(ascii: "\""))
        var content: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &content)
            default: content.append(byte)
            }
        }
        throw refused("text without its closing quote")
    }

    private mutating func escape(into content: inout [UInt8]) throws(RunSpecError) {
        guard let byte = peek else { throw refused("a backslash at the end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "u"): content.append(contentsOf: try unicodeEscape())
        default: throw refused("an unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(RunSpecError) -> [UInt8] {
        var unit = try codeUnit()
        // A high surrogate needs its low one; alone it stands for nothing.
        if (0xD800..<0xDC00).contains(unit), peek == UInt8(ascii: "\\") {
            position += 1
            try expect(UInt8(ascii: "u"))
            let low = try codeUnit()
            guard (0xDC00..<0xE000).contains(low) else { throw refused("half a surrogate pair") }
            unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = UnicodeScalar(unit) else { throw refused("half a surrogate pair") }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func codeUnit() throws(RunSpecError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let unit = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw refused("wanted four hexadecimal digits") }
        position += 4
        return unit
    }

    private func refused(_ reason: String) -> RunSpecError {
        RunSpecError(
            code: .badRecord,
            message: "a metrics line is no JSON object of numbers (\(reason) at byte \(position)): "
                + String(decoding: bytes.prefix(120), as: UTF8.self))
    }
}
