import Foundation
import RunSpec

/// Reads an object of plain values: numbers, texts without escapes, true, false. Settings are hardly ever
/// anything else, and there may be hundreds of thousands of them; Foundation's decoder takes twenty times as
/// long.
enum FlatJSON {
    typealias Entry = (key: UnsafeRawBufferPointer, value: ParameterValue)

    /// - Returns: nil for anything else, which Foundation then reads.
    static func parameters(_ text: String) -> [String: ParameterValue]? {
        var text = text
        return text.withUTF8 { bytes in
            entries(UnsafeRawBufferPointer(bytes)).map { entries in
                Dictionary(entries.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }) { $1 }
            }
        }
    }

    /// In the order of the text.
    ///
    /// - Returns: the keys as parts of `bytes`; nil for anything else.
    static func entries(_ bytes: UnsafeRawBufferPointer) -> [Entry]? {
        var reader = Reader(bytes: bytes)
        return reader.object()
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var place = 0

        mutating func object() -> [Entry]? {
            var entries: [Entry] = []
            entries.reserveCapacity(24)
            guard take(UInt8(ascii: "{")) else { return nil }
            if take(UInt8(ascii: "}")) { return isAtEnd ? entries : nil }
            repeat {
                guard let key = string(), take(UInt8(ascii: ":")), let value = value() else { return nil }
                entries.append((key, value))
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "}")) && isAtEnd ? entries : nil
        }

        private var isAtEnd: Bool { place == bytes.count }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard place < bytes.count, bytes[place] == byte else { return false }
            place += 1
            return true
        }

        private mutating func string() -> UnsafeRawBufferPointer? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = place
            while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                guard bytes[place] != UInt8(ascii: "\\"), bytes[place] >= 32 else { return nil }
                place += 1
            }
            let found = start..<place
            return take(UInt8(ascii: "\"")) ? UnsafeRawBufferPointer(rebasing: bytes[found]) : nil
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
            case UInt8(ascii: "\""): return string().map { .text(String(decoding: $0, as: UTF8.self)) }
            case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
            case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
            default: return number().map { .number($0) }
            }
        }

        private mutating func number() -> Double? {
            let start = place
            while place < bytes.count, Self.isOfNumber(bytes[place]) { place += 1 }
            // Something else stands behind it, where the reading ends.
            guard place > start, place < bytes.count, let base = bytes.baseAddress else { return nil }
            let first = base.assumingMemoryBound(to: CChar.self) + start
            var end: UnsafeMutablePointer<CChar>?
            let number = strtod(first, &end)
            return end.map { UnsafePointer($0) == first + (place - start) } == true ? number : nil
        }

        private static func isOfNumber(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")]
                    .contains(byte)
        }
    }
}
