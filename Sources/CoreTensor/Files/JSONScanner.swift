/// Reads the few shapes of JSON that a safetensors header is made of, in one pass, and sees repeated keys.
struct JSONScanner {
    let bytes: UnsafeRawBufferPointer
    private let place: String
    var position = 0

    /// - Parameter place: named in errors: a file, and the part of it that is read.
    init(_ bytes: UnsafeRawBufferPointer, place: String) {
        self.bytes = bytes
        self.place = place
    }

    func fault(_ what: String, _ code: TensorError.Code = .malformed) -> TensorError {
        TensorError(code, "\(place), byte \(position): \(what)")
    }

    /// `{"key": value, …}`; `value` reads one value per key.
    mutating func object(_ value: (inout JSONScanner, String) throws -> Void) throws {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            try value(&self, key)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// `[1, 2, …]`, none negative.
    mutating func integers() throws -> [Int] {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return [] }
        var result: [Int] = []
        repeat { result.append(try integer()) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return result
    }

    mutating func string() throws -> String {
        try expect(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else { throw fault("text is not UTF-8") }
                return result
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw fault("a control character in a string")
            default: text.append(byte)
            }
        }
        throw fault("a string without an end")
    }

    /// Only white space may follow.
    mutating func end() throws {
        skipSpace()
        guard position == bytes.count else { throw fault("something follows the object") }
    }

    mutating func integer() throws -> Int {
        skipSpace()
        let start = position
        var result = 0
        while position < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[position] {
            let (tens, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw fault("a number too large") }
            result = sum
            position += 1
        }
        guard position > start else { throw fault("wanted a number from 0 up") }
        return result
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard position < bytes.count else { throw fault("a string without an end") }
        let kind = bytes[position]
        position += 1
        switch kind {
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
        case UInt8(ascii: "u"): try unicode(into: &text)
        default: throw fault("an unknown escape")
        }
    }

    private mutating func unicode(into text: inout [UInt8]) throws {
        var code = UInt32(try hexadecimal())
        if (0xD800..<0xDC00).contains(code) {
            guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw fault("half a surrogate pair") }
            position += 2
            let low = UInt32(try hexadecimal())
            guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair") }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
        text.append(contentsOf: String(Character(scalar)).utf8)
    }

    private mutating func hexadecimal() throws -> UInt16 {
        guard position + 4 <= bytes.count,
            let value = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw fault("\\u wants four hexadecimal digits") }
        position += 4
        return value
    }

    mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws {
        guard take(byte) else { throw fault("wanted '\(Character(Unicode.Scalar(byte)))'") }
    }

    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }
}
