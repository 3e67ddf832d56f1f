/// Makes lines for people of what a program prints for a terminal.
///
/// - Of a line that is written again and again (a carriage return goes back to its beginning) the last state
///   stays.
/// - Colours and cursor movements (escape sequences) are taken out.
/// - Every other control character but the tab is shown as its picture (NUL is ␀), so that nothing cuts or
///   moves the text.
/// - What is no UTF-8 is shown as U+FFFD.
package struct LogCleaner: Sendable {
    /// A line that reaches this many bytes is handed on unfinished.
    static let lineBytes = 16 << 10

    /// What came after the newest line end, from its newest carriage return that something follows.
    private var line: [UInt8] = []
    /// A carriage return ended what is in `line`; what comes next replaces it.
    private var isReturned = false

    package init() {}

    /// Adds bytes as they were printed and gives the lines that they end.
    package mutating func add(_ bytes: [UInt8], to lines: inout [UInt8]) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"):
                lines += Self.clean(line) + [byte]
                line.removeAll(keepingCapacity: true)
                isReturned = false
            case UInt8(ascii: "\r"):
                // Also before a line end, as Windows writes it.
                isReturned = !line.isEmpty
            default:
                if isReturned {
                    line.removeAll(keepingCapacity: true)
                    isReturned = false
                }
                line.append(byte)
                if line.count >= Self.lineBytes, let end = Self.cut(line) {
                    lines += Self.clean(line[..<end])
                    line.removeSubrange(..<end)
                }
            }
        }
    }

    /// The line that is not ended yet, as it stands.
    package var unfinished: String { String(decoding: Self.clean(line), as: UTF8.self) }

    /// Nothing more comes: the last line counts without its end.
    package mutating func finish(_ lines: inout [UInt8]) {
        lines += Self.clean(line)
        line = []
        isReturned = false
    }

    /// Not inside a letter.
    private static func cut(_ bytes: [UInt8]) -> Int? {
        var end = bytes.count
        while end > 0, bytes[end - 1] & 0xC0 == 0x80 { end -= 1 }
        if end > 0, bytes[end - 1] >= 0xC0 { end -= 1 }
        // Bytes that are no letters at all would otherwise wait for ever.
        return end > bytes.count - 4 && end > 0 ? end : bytes.count
    }

    /// One line without its end.
    static func clean(_ bytes: some RandomAccessCollection<UInt8>) -> [UInt8] {
        guard bytes.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 >= 0x7F }) else { return Array(bytes) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.first {
            if byte == 0x1B, let length = escapeLength(rest) {
                rest = rest.dropFirst(length)
                continue
            }
            rest = rest.dropFirst()
            switch byte {
            case 0x09, 0x20..<0x7F, 0x80...: result.append(byte)
            case 0x7F: result += Array("\u{2421}".utf8)
            default: result += Array(String(Character(UnicodeScalar(0x2400 + UInt32(byte)) ?? "?")).utf8)
            }
        }
        return visible(String(decoding: result, as: UTF8.self))
    }

    /// Control characters beyond ASCII, which terminals obey too.
    private static func visible(_ text: String) -> [UInt8] {
        guard text.unicodeScalars.contains(where: { (0x80..<0xA0).contains($0.value) }) else { return Array(text.utf8) }
        var view = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            view.append((0x80..<0xA0).contains(scalar.value) ? "\u{FFFD}" : scalar)
        }
        return Array(String(view).utf8)
    }

    /// Bytes of the escape sequence that the text begins with; nil for a lone ESC.
    private static func escapeLength(_ bytes: some RandomAccessCollection<UInt8>) -> Int? {
        var iterator = bytes.dropFirst().makeIterator()
        guard let kind = iterator.next() else { return nil }
        var length = 2
        switch kind {
        case UInt8(ascii: "["):
            // Parameters, then one letter.
            while let byte = iterator.next() {
                length += 1
                if (0x40...0x7E).contains(byte) { return length }
                if !(0x20...0x3F).contains(byte) { return nil }
            }
            return nil
        case UInt8(ascii: "]"):
            // A title or a link: up to BEL or ESC \.
            var last: UInt8 = 0
            while let byte = iterator.next() {
                length += 1
                if byte == 0x07 || (last == 0x1B && byte == UInt8(ascii: "\\")) { return length }
                last = byte
            }
            return nil
        case 0x28, 0x29: return iterator.next() == nil ? nil : 3
        case 0x37, 0x38, 0x3D, 0x3E, 0x4D: return 2
        default: return nil
        }
    }
}
