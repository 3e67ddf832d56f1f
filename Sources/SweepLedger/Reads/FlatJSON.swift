import RunSpec

/// Reads an object of plain values: numbers, texts without escapes, true, false. Settings are hardly ever
/// anything else, and there may be tens of thousands of them; Foundation's decoder takes twenty times as
/// long.
enum FlatJSON {
    /// - Returns: nil for anything else, which Foundation then reads.
    static func parameters(_ text: String) -> [String: ParameterValue]? {
        var text = text
        return text.withUTF8 { bytes in
            var reader = Reader(bytes: bytes)
            return reader.object()
        }
    }

    private struct Reader {
        let bytes: UnsafeBufferPointer<UInt8>
        var place = 0

        mutating func object() -> [String: ParameterValue]? {
            var values: [String: ParameterValue] = [:]
            guard take(UInt8(ascii: "{")) else { return nil }
            if take(UInt8(ascii: "}")) { return isAtEnd ? values : nil }
            repeat {
                guard let key = string(), take(UInt8(ascii: ":")), let value = value() else { return nil }
                values[key] = value
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "}")) && isAtEnd ? values : nil
        }

        private var isAtEnd: Bool { place == bytes.count }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard place < bytes.count, bytes[place] == byte else { return false }
            place += 1
            return true
        }

        private mutating func string() -> String? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = place
            while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                guard bytes[place] != UInt8(ascii: "\\"), bytes[place] >= 32 else { return nil }
                place += 1
            }
            let found = bytes[start..<place]
            return take(UInt8(ascii: "\"")) ? String(decoding: found, as: UTF8.self) : nil
        }

        private mutating func word(_ word: StaticString) -> Bool {
            let count = word.utf8CodeUnitCount
            guard place + count <= bytes.count else { return false }
            for offset in 0..<count where bytes[place + offset] != word.utf8Start[offset] { return false }
            place += count
            return true
        }

        private mutating func value() -> ParameterValue? {
            guard place < bytes.count else { return nil }
            switch bytes[place] {
            case UInt8(ascii: "\""): return string().map { .text($0) }
            case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
            case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
            default:
                let start = place
                while place < bytes.count, Self.isOfNumber(bytes[place]) { place += 1 }
                return Double(String(decoding: bytes[start..<place], as: UTF8.self)).map { .number($0) }
            }
        }

        private static func isOfNumber(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")]
                    .contains(byte)
        }
    }
}
