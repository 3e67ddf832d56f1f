import Foundation
package import Ports

/// What one machine tells another so that it can join: where the coordinator is, how it is known for the
/// right one, and a code that lets in once. One text, to be pasted.
package struct Invitation: Equatable, Sendable {
    /// Marks an invitation for people, and for scanners of leaked secrets.
    package static let prefix = "radiata-invite-"

    /// Addresses of the coordinator, those first that are likeliest to be reached.
    package var addresses: [String]
    /// SHA-256 of the authority's certificate; nil for a coordinator whose certificate the system trusts, or
    /// that speaks no TLS.
    package var authority: ContentDigest?
    package var code: EnrolmentCode

    package init(addresses: [String], authority: ContentDigest?, code: EnrolmentCode) {
        self.addresses = addresses
        self.authority = authority
        self.code = code
    }

    /// One word without spaces, safe in every shell.
    package var text: String {
        let body = (["1", authority?.text ?? "-", code.text] + addresses).joined(separator: " ")
        return Self.prefix + Self.base64("\(body) \(CRC32C.text(body))")
    }

    /// Why a text is no invitation.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String) throws(Fault) {
        guard text.hasPrefix(Self.prefix) else {
            throw Fault(description: "wanted an invitation as `radiata invite` prints it: \(Self.prefix)…")
        }
        let cut = Fault(
            description: "the invitation is cut or mistyped; copy the whole line that `radiata invite` printed")
        guard let whole = Self.decoded(String(text.dropFirst(Self.prefix.count))) else { throw cut }
        var fields = whole.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard let sum = fields.popLast(), sum == CRC32C.text(fields.joined(separator: " ")), fields.count >= 4 else {
            throw cut
        }
        guard fields[0] == "1" else {
            throw Fault(description: "the invitation is of a newer radiata; update radiata on this machine")
        }
        guard let code = EnrolmentCode(fields[2]), fields[1] == "-" || ContentDigest(fields[1]) != nil else {
            throw cut
        }
        self.init(addresses: Array(fields[3...]), authority: ContentDigest(fields[1]), code: code)
    }

    /// RFC 4648, section 5, without padding.
    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
    }

    private static func decoded(_ text: String) -> String? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: padded).flatMap { String(data: $0, encoding: .utf8) }
    }
}

/// A code that lets one worker in, once: an id that the ledger finds it by, and 160 random bits that only
/// the invitation holds.
package struct EnrolmentCode: Equatable, Sendable {
    package let id: String
    private let secret: String

    package init(_ random: any RandomSource) {
        id = random.hexadecimal(bytes: 4)
        secret = random.hexadecimal(bytes: 20)
    }

    /// - Returns: nil for a text that cannot be one.
    package init?(_ text: String) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 8, parts[1].utf8.count == 40,
            parts.allSatisfy({ [UInt8](hexadecimal: $0) != nil })
        else { return nil }
        id = String(parts[0])
        secret = String(parts[1])
    }

    package var text: String { "\(id)_\(secret)" }
    /// What the ledger keeps of it.
    package var hash: ContentDigest { ContentDigest.of(text) }
}
