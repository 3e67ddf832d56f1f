import Foundation

/// SentencePiece's table of character replacements (NFKC and its variants), as its models carry it: a
/// double-array trie of byte sequences and the texts that stand in their place.
///
/// What is looked up is a grapheme of less than six bytes, else each of its characters, and of the sequences
/// that begin it the shortest counts, whatever follows it: so the `tokenizers` library does it, whose ids the
/// published models were trained with.
package struct PrecompiledNormalizer: Equatable, Sendable {
    private let units: [UInt32]
    /// Texts that end with a zero byte.
    private let texts: [UInt8]

    /// - Returns: nil for bytes that are no such table.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        let size = Int(Self.unit(bytes, at: 0))
        guard size % 4 == 0, size > 0, size <= bytes.count - 4 else { return nil }
        units = (0..<size / 4).map { Self.unit(bytes, at: 4 + 4 * $0) }
        texts = Array(bytes[(4 + size)...])
    }

    package func normalize(_ text: String) -> String {
        var result = ""
        for grapheme in text {
            if grapheme.utf8.count < 6, let replacement = replacement(of: Array(grapheme.utf8)) {
                result += replacement
                continue
            }
            for scalar in grapheme.unicodeScalars {
                if let replacement = replacement(of: Array(String(scalar).utf8)) {
                    result += replacement
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// What stands in place of the shortest known sequence that begins the key; nil without one.
    private func replacement(of key: [UInt8]) -> String? {
        var node = 0
        var unit = units[0]
        node ^= Self.offset(unit)
        for byte in key {
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count else { return nil }
            unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
            node ^= Self.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { return nil }
            let start = Int(units[node] & ~(1 << 31))
            guard start <= texts.count else { return nil }
            return String(decoding: texts[start...].prefix { $0 != 0 }, as: UTF8.self)
        }
        return nil
    }

    /// Four bytes, the least significant first.
    private static func unit(_ bytes: [UInt8], at place: Int) -> UInt32 {
        var unit: UInt32 = 0
        for byte in bytes[place..<place + 4].reversed() { unit = unit << 8 | UInt32(byte) }
        return unit
    }

    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
}
