import CLibcrypto
import Glibc

/// Certificates as PEM texts, made and read by the system's libcrypto.
package enum Certificates {
    /// A new private key on the curve P-256.
    ///
    /// - Throws: `PortsError` where libcrypto refuses.
    package static func key() throws -> String { try text(ccrypto_make_key(), "a key") }

    /// An authority's certificate, signed by its own key.
    ///
    /// - Throws: `PortsError` where libcrypto refuses.
    package static func authority(key: String, name: String, from: WallTime, to: WallTime) throws -> String {
        try text(ccrypto_make_authority(key, name, from.seconds, to.seconds), "an authority's certificate")
    }

    /// A server's certificate.
    ///
    /// - Parameters:
    ///   - authority: the authority's key and certificate.
    ///   - names: host names and addresses under which the server is called.
    /// - Throws: `PortsError` for texts that are none, or do not belong together.
    package static func server(
        authority: (key: String, certificate: String), key: String, name: String, names: [HostAddress],
        from: WallTime, to: WallTime
    ) throws -> String {
        try text(
            ccrypto_make_certificate(
                authority.key, authority.certificate, key, name, alternatives(names), from.seconds, to.seconds),
            "a server's certificate")
    }

    /// `DNS:box.lan,IP:192.168.1.5`.
    package static func alternatives(_ names: [HostAddress]) -> String {
        names.map { name in
            switch name {
            case .address: "IP:\(name.text)"
            case .name(let name): "DNS:\(name)"
            }
        }.joined(separator: ",")
    }

    /// SHA-256 of the first certificate of a text; nil for a text that has none.
    package static func fingerprint(_ pem: String) -> ContentDigest? {
        var digest = [UInt8](repeating: 0, count: Int(CCRYPTO_SHA256_BYTES))
        guard ccrypto_certificate_digest(pem, &digest) == 1 else { return nil }
        return ContentDigest(digest.hexadecimal)
    }

    /// When the first certificate of a text ends; nil for a text that has none.
    package static func end(_ pem: String) -> WallTime? {
        let seconds = ccrypto_certificate_end(pem)
        return seconds < 0 ? nil : WallTime(milliseconds: seconds * 1000)
    }

    private static func text(_ made: UnsafeMutablePointer<CChar>?, _ what: String) throws -> String {
        guard let made else {
            throw PortsError(
                .inputOutput, "libcrypto does not make \(what); is OpenSSL's configuration of this machine whole?")
        }
        defer { free(made) }
        return String(cString: made)
    }
}

extension ContentDigest {
    /// Compares in a time that tells nothing of where the two differ.
    package func isSameSecret(as other: ContentDigest) -> Bool {
        let (a, b) = (Array(text.utf8), Array(other.text.utf8))
        return a.count == b.count && ccrypto_equal(a, b, a.count) == 1
    }
}

extension WallTime {
    fileprivate var seconds: Int64 { milliseconds / 1000 }

    /// So many days later.
    package func adding(days: Int64) -> WallTime { WallTime(milliseconds: milliseconds + days * 86_400_000) }
}
