import Foundation
import Ports

/// The key by which receivers know that a message is the coordinator's: HMAC-SHA256 as Standard Webhooks has
/// it (standardwebhooks.com), for which there are libraries in most languages.
package struct WebhookSecret: Sendable {
    /// `whsec_` and the key in Base64, as those libraries take it.
    package let text: String
    private let key: [UInt8]

    private static let prefix = "whsec_"
    private static let bytes = 24...64

    /// - Throws: `CoordinatorError` `badConfiguration` for a text that is none.
    package init(_ text: String) throws {
        let encoded = text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : text
        guard let key = Data(base64Encoded: encoded), Self.bytes.contains(key.count) else {
            throw CoordinatorError(
                .badConfiguration,
                "the webhooks' secret: wanted whsec_ and \(Self.bytes.lowerBound) to \(Self.bytes.upperBound) bytes in Base64"
            )
        }
        self.text = Self.prefix + encoded
        self.key = Array(key)
    }

    /// The secret of a file, which is made where there is none.
    ///
    /// - Throws: `CoordinatorError`, `PortsError`.
    static func prepare(_ path: String, files: any FileStore = DiskFiles()) throws -> WebhookSecret {
        if try files.information(path) == nil {
            let text = prefix + Data(SystemRandom().bytes(32)).base64EncodedString()
            try files.writeAtomically(Array((text + "\n").utf8), to: path, mode: 0o600)
        }
        return try WebhookSecret(SecretFile.read(path, files: files))
    }

    /// - Parameter name: of the message; the same when it is sent again.
    package func headers(name: String, seconds: Int64, body: [UInt8]) -> [String] {
        let signed = Array("\(name).\(seconds).".utf8) + body
        let signature = Data(MessageCode.of(signed, key: key)).base64EncodedString()
        return [
            "webhook-id: \(name)", "webhook-timestamp: \(seconds)", "webhook-signature: v1,\(signature)",
        ]
    }
}
