/// Paths of the file system as text, whatever their bytes are.
///
/// A path of valid UTF-8 is its own text and is never normalised. In any other one, each byte above 0x7F
/// stands as a private-use character, so that every path has a text of its own, and back.
package enum LocalPath {
    /// Byte `b` is this plus `b`; the characters are the last of plane 16, which no standard assigns.
    private static let first: UInt32 = 0x10FF00

    /// The text of a path on this machine.
    package static func text(_ bytes: some Collection<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !hasEscapes(text) { return text }
        var text = String.UnicodeScalarView()
        for byte in bytes {
            text.append(byte < 0x80 ? Unicode.Scalar(byte) : Unicode.Scalar(first + UInt32(byte)) ?? "?")
        }
        return String(text)
    }

    /// The path that a text stands for.
    package static func bytes(_ text: String) -> [UInt8] {
        guard hasEscapes(text) else { return Array(text.utf8) }
        return text.unicodeScalars.flatMap { scalar in
            isEscape(scalar) ? [UInt8(scalar.value & 0xFF)] : Array(String(scalar).utf8)
        }
    }

    /// As the system's calls take it.
    package static func terminated(_ text: String) -> [CChar] {
        guard hasEscapes(text) else { return Array(text.utf8CString) }
        return bytes(text).map { CChar(bitPattern: $0) } + [0]
    }

    /// Of plane 16 alone the UTF-8 begins with this byte, and hardly a path has one.
    private static func hasEscapes(_ text: String) -> Bool {
        text.utf8.contains(0xF4) && text.unicodeScalars.contains(where: isEscape)
    }

    private static func isEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= first + 0x80 }
}
