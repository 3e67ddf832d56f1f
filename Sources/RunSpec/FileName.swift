/// Names of files that programs make, as text. A file's name is bytes; in JSON and SQL it is this text.
///
/// UTF-8 without control characters stays as it is, spaces, brackets and umlauts too, and is never
/// normalised. Every other byte is written `%XX`, and so is a `%` that two hexadecimal digits follow: every
/// name has one text, and back.
package enum FileName {
    /// The text of a name, which says every byte of it.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        let all = Array(bytes)
        var result: [UInt8] = []
        var index = 0
        while index < all.count {
            let length = scalarLength(all, at: index)
            let byte = all[index]
            let isControl = length == 1 && (byte < 0x20 || byte == 0x7F)
            let looksEscaped =
                byte == UInt8(ascii: "%") && index + 2 < all.count && digit(all[index + 1]) != nil
                && digit(all[index + 2]) != nil
            if length == 0 || isControl || looksEscaped {
                result += escaped(byte)
                index += 1
            } else {
                result += all[index..<(index + length)]
                index += length
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The name that a text stands for.
    package static func bytes(_ text: String) -> [UInt8] {
        let all = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < all.count {
            if all[index] == UInt8(ascii: "%"), index + 2 < all.count, let high = digit(all[index + 1]),
                let low = digit(all[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(all[index])
                index += 1
            }
        }
        return result
    }

    /// Printable ASCII without spaces, for keys that are compared as text: two names never share one.
    package static func key(_ bytes: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        for byte in bytes {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result += escaped(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A relative path that stays where it is put: no empty component, `.` or `..`, also behind an escape; at
    /// most 1,024 bytes.
    package static func isPath(_ text: String) -> Bool {
        let slash = UInt8(ascii: "/")
        let bytes = bytes(text)
        guard (1...1024).contains(text.utf8.count), self.text(bytes).utf8.elementsEqual(text.utf8),
            bytes.count(where: { $0 == slash }) == text.utf8.count(where: { $0 == slash })
        else { return false }
        return bytes.split(separator: slash, omittingEmptySubsequences: false).allSatisfy { part in
            (1...255).contains(part.count) && !part.contains(0) && !part.elementsEqual(".".utf8)
                && !part.elementsEqual("..".utf8)
        }
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Bytes of the UTF-8 sequence at `index`; 0 if there is none.
    private static func scalarLength(_ bytes: [UInt8], at index: Int) -> Int {
        let length =
            switch bytes[index] {
            case 0..<0x80: 1
            case 0xC2..<0xE0: 2
            case 0xE0..<0xF0: 3
            case 0xF0..<0xF5: 4
            default: 0
            }
        guard length > 0, index + length <= bytes.count,
            String(validating: bytes[index..<(index + length)], as: UTF8.self) != nil
        else { return 0 }
        return length
    }
}
