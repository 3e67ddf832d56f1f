package import Ports

/// The text of an access token, `radiata_ID_SECRET` and a checksum: 256 random bits. Wherever it is made, the
/// ledger keeps only the SHA-256 of it.
package enum AccessToken {
    /// Marks our tokens for scanners of leaked secrets.
    package static let prefix = "radiata_"
    /// Of an id, in bytes.
    private static let idBytes = 6

    /// A new token: its id, its secret, and a CRC-32C of all before.
    package static func make(_ random: any RandomSource) -> (id: String, text: String) {
        let id = random.hexadecimal(bytes: idBytes)
        let text = "\(prefix)\(id)_\(random.hexadecimal(bytes: 32))"
        return (id, text + CRC32C.text(text))
    }

    package static func hash(_ text: String) -> ContentDigest { ContentDigest.of(text) }

    /// Whether the text looks like one of our tokens, but not as it was printed.
    package static func isDamaged(_ text: String) -> Bool {
        text.hasPrefix(prefix) && (text.utf8.count < 16 || CRC32C.text(String(text.dropLast(8))) != text.suffix(8))
    }

    /// Whether this can be a token's id: twelve lower-case hex digits.
    package static func isID(_ text: String) -> Bool {
        text.utf8.count == 2 * idBytes && [UInt8](hexadecimal: text) != nil
    }
}

extension CRC32C {
    /// Of a text, eight hex digits.
    package static func text(_ text: String) -> String {
        let digits = String(CRC32C.of(Array(text.utf8)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
