import Foundation
import SweepModel
import Synchronization

/// Takes a job's secrets out of what its trainer prints: the values of variables that look like credentials,
/// as they are, in Base64 and percent-encoded. Every byte becomes a star, so that places in the log stay what
/// they are.
package struct SecretMask: Sendable {
    /// Shorter values would take half the log with them.
    private static let shortest = 8

    private let secrets: [[UInt8]]

    /// - Parameter environment: of the trainer.
    package init(environment: [String: String] = [:]) {
        var forms: Set<String> = []
        for (name, value) in environment where Self.isSecret(name) && value.utf8.count >= Self.shortest {
            forms.insert(value)
            forms.insert(Data(value.utf8).base64EncodedString())
            if let encoded = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) {
                forms.insert(encoded)
            }
        }
        // Longest first: one form may begin with another.
        secrets = forms.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }.map { Array($0.utf8) }
    }

    /// Every attempt asks for the same names.
    private static let known = Mutex<[String: Bool]>([:])

    private static func isSecret(_ name: String) -> Bool {
        if let isSecret = known.withLock({ $0[name] }) { return isSecret }
        let isSecret = TrainerSpec.isSecret(name)
        known.withLock { if $0.count < 4096 { $0[name] = isSecret } }
        return isSecret
    }

    package func masked(_ bytes: [UInt8]) -> [UInt8] {
        guard !secrets.isEmpty else { return bytes }
        var result = bytes
        for secret in secrets where secret.count <= result.count {
            var start = 0
            while start + secret.count <= result.count {
                if result[start] == secret[0], result[start..<(start + secret.count)].elementsEqual(secret) {
                    for index in start..<(start + secret.count) { result[index] = UInt8(ascii: "*") }
                    start += secret.count
                } else {
                    start += 1
                }
            }
        }
        return result
    }

    package func masked(_ text: String) -> String { String(decoding: masked(Array(text.utf8)), as: UTF8.self) }
}
