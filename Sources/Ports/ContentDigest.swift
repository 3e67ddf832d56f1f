import CLibcrypto

/// A SHA-256: the name of a blob, an input or a job by its content.
package struct ContentDigest: Hashable, Comparable, Sendable {
    /// 64 lower-case hex digits.
    package let text: String

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    /// - Returns: `nil` unless `text` is exactly 64 lower-case hex digits, so a digest is always safe in a
    ///   path.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 64, [UInt8](hexadecimal: text) != nil else { return nil }
        self.text = String(text)
    }

    /// - Parameter bytes: the 32 bytes of a SHA-256.
    init(sha256 bytes: [UInt8]) { text = bytes.hexadecimal }

    package static func of(_ bytes: some Sequence<UInt8>) -> ContentDigest {
        var hasher = ContentHasher()
        hasher.update(Array(bytes))
        return hasher.finish()
    }

    package static func of(_ text: String) -> ContentDigest { of(text.utf8) }

    /// The digest and size of a file as it is on disk, read in pieces of 1 MiB.
    ///
    /// - Parameter start: bytes before it are left out of the digest.
    /// - Throws: ``PortsError`` if the file cannot be read.
    package static func of(file path: String, from start: Int64 = 0, in files: any FileStore = DiskFiles()) throws -> (
        digest: ContentDigest, size: Int64
    ) {
        let file = try files.open(reading: path)
        var hasher = ContentHasher()
        var offset = start
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer, at: offset)
            if count == 0 { return (hasher.finish(), offset) }
            hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}

extension ContentDigest: CustomStringConvertible {
    package var description: String { text }
}

extension ContentDigest: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = ContentDigest(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a SHA-256 in hex: \(text.prefix(80))")
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// SHA-256 piece by piece, by the system's libcrypto.
package struct ContentHasher: ~Copyable {
    private let hash: OpaquePointer

    package init() { hash = ccrypto_sha256_new() }
    deinit { ccrypto_hash_free(hash) }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update(bufferPointer: $0) } }

    package mutating func update(bufferPointer: UnsafeRawBufferPointer) {
        ccrypto_hash_update(hash, bufferPointer.baseAddress, bufferPointer.count)
    }

    /// The digest of all bytes so far.
    package consuming func finish() -> ContentDigest {
        ContentDigest(
            sha256: [UInt8](unsafeUninitializedCapacity: Int(CCRYPTO_SHA256_BYTES)) { bytes, count in
                ccrypto_hash_finish(hash, bytes.baseAddress)
                count = bytes.count
            })
    }
}
