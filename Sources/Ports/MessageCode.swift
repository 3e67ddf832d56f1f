import CLibcrypto

/// HMAC over SHA-256 (RFC 2104), by the system's libcrypto: who has the key made the message.
package enum MessageCode {
    /// - Returns: 32 bytes.
    package static func of(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(CCRYPTO_SHA256_BYTES)) { code, count in
            ccrypto_hmac_sha256(key, key.count, message, message.count, code.baseAddress)
            count = code.count
        }
    }
}
