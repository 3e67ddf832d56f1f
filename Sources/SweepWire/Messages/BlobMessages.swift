package import Foundation

/// A blob by its name.
package struct BlobRequest: Equatable, WireRequest {
    /// 64 lower-case hex digits.
    package var sha256: String
    package init(sha256: String) { self.sha256 = sha256 }
    package var parameters: [String: String] { ["sha256": sha256] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { sha256 = try parameters.required("sha256") }
}

/// Starts an upload, or finds that it is not needed.
package struct BlobBegin: Codable, Equatable, WireRequest {
    package var sha256: String
    package var bytes: Int
    package init(sha256: String, bytes: Int) {
        self.sha256 = sha256
        self.bytes = bytes
    }
}

/// How far an upload is.
package struct BlobStatus: Codable, Equatable, WireResponse {
    package enum State: String, Codable, Sendable {
        /// No upload is open and the blob is not there.
        case unknown
        /// Chunks are missing, or all are there and `commit` was not called.
        case open
        /// The blob is stored and durable; nothing more to do.
        case complete
    }
    package var state: State
    package var bytes: Int
    /// Size of every chunk except the last.
    package var chunkBytes: Int
    /// Indices of chunks that are not durable yet; empty when complete.
    package var missing: [Int]
    package init(state: State, bytes: Int, chunkBytes: Int = WireLimit.chunk, missing: [Int] = []) {
        self.state = state
        self.bytes = bytes
        self.chunkBytes = chunkBytes
        self.missing = missing
    }
}

/// One chunk of a blob; chunk `index` starts at `index * chunkBytes`.
package struct BlobChunk: Equatable, WireRequest {
    package var sha256: String
    package var index: Int
    /// CRC-32C of the bytes.
    package var checksum: UInt32
    package var bytes: Data
    package init(sha256: String, index: Int, checksum: UInt32, bytes: Data) {
        self.sha256 = sha256
        self.index = index
        self.checksum = checksum
        self.bytes = bytes
    }
    package var parameters: [String: String] {
        ["sha256": sha256, "index": String(index), "crc32c": String(checksum, radix: 16)]
    }
    package func body() throws -> Data { bytes }
    package init(parameters: [String: String], body: Data) throws {
        sha256 = try parameters.required("sha256")
        index = try parameters.integer("index")
        let text = try parameters.required("crc32c")
        guard let value = UInt32(text, radix: 16) else {
            throw WireError(.badRequest, "crc32c: found '\(text)', wanted up to 8 hex digits")
        }
        checksum = value
        bytes = body
    }
}

/// A piece of a blob: at most `WireLimit.chunk` bytes from `offset`. Fewer bytes than asked for mean the end
/// of the blob.
package struct BlobRange: Equatable, WireRequest {
    package var sha256: String
    package var offset: Int
    package var count: Int
    package init(sha256: String, offset: Int, count: Int = WireLimit.chunk) {
        self.sha256 = sha256
        self.offset = offset
        self.count = count
    }
    package var parameters: [String: String] { ["sha256": sha256, "offset": String(offset), "count": String(count)] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        sha256 = try parameters.required("sha256")
        offset = try parameters.integer("offset", default: 0)
        count = try parameters.integer("count", default: WireLimit.chunk)
    }
}

/// Asks which of these blobs are not in the store.
package struct BlobsRequest: Codable, Equatable, WireRequest {
    package var sha256: [String]
    package init(sha256: [String]) { self.sha256 = sha256 }
}

package struct BlobsMissing: Codable, Equatable, WireResponse {
    package var missing: [String]
    package init(missing: [String]) { self.missing = missing }
}

/// An input by the digest of its content.
package struct InputRequest: Equatable, WireRequest {
    package var digest: String
    package init(digest: String) { self.digest = digest }
    package var parameters: [String: String] { ["digest": digest] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws { digest = try parameters.required("digest") }
}

extension [String: String] {
    /// - Throws: `WireError` `badRequest` where it is missing or empty.
    package func required(_ name: String) throws -> String {
        guard let value = self[name], !value.isEmpty else {
            throw WireError(.badRequest, "parameter \(name) is missing")
        }
        return value
    }

    /// A number of at least 0.
    ///
    /// - Parameter fallback: where the parameter is missing; nil if it must be there.
    /// - Throws: `WireError` `badRequest`.
    package func integer(_ name: String, default fallback: Int? = nil) throws -> Int {
        guard let text = self[name] else {
            if let fallback { return fallback }
            throw WireError(.badRequest, "parameter \(name) is missing")
        }
        guard let value = Int(text), value >= 0 else {
            throw WireError(.badRequest, "parameter \(name): found '\(text)', wanted a number of at least 0")
        }
        return value
    }

    /// A time of at least 0 seconds; 0 where the parameter is missing.
    ///
    /// - Throws: `WireError` `badRequest`.
    package func seconds(_ name: String) throws -> Double {
        guard let text = self[name] else { return 0 }
        guard let value = Double(text), value >= 0, value.isFinite else {
            throw WireError(.badRequest, "parameter \(name): found '\(text)', wanted seconds")
        }
        return value
    }
}
