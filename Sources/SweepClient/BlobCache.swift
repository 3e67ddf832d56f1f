import Foundation
package import Ports
import SweepWire

/// Blobs on this machine, by the digest of their content: what is here is never fetched again.
///
/// A file appears under its name only after its content was verified. A fetch that was cut off goes on where
/// it stopped.
package actor BlobCache {
    private let folder: String
    private let client: any CoordinatorCalls
    private let files: any FileStore
    private var fetches: [ContentDigest: Task<String, any Error>] = [:]

    /// - Parameter folder: made when it is needed.
    package init(folder: String, client: any CoordinatorCalls, files: any FileStore = DiskFiles()) {
        self.folder = folder
        self.client = client
        self.files = files
    }

    /// The path of the blob's file, fetched if it is not there; callers must not change it.
    ///
    /// - Throws: ``ClientError`` (`refused(.notFound)` when the coordinator does not have it),
    ///   ``PortsError``.
    package func fetch(
        _ digest: ContentDigest, size: Int64, retry: RetryPolicy = .forever,
        progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> String {
        if let running = fetches[digest] { return try await running.value }
        let task = Task { try await self.fetchNow(digest, size, retry, progress) }
        fetches[digest] = task
        defer { fetches[digest] = nil }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func fetchNow(
        _ digest: ContentDigest, _ size: Int64, _ retry: RetryPolicy, _ progress: @Sendable (Int64) -> Void
    ) async throws -> String {
        let place = "\(folder)/\(digest.text.prefix(2))"
        let path = "\(place)/\(digest)"
        if try files.information(path)?.size == size { return path }
        try files.makeFolder(place)
        let partial = path + ".partial"
        for _ in 0..<2 {
            try await fill(partial, digest, size, retry, progress)
            let found = try ContentDigest.of(file: partial, in: files)
            if found.digest == digest {
                try files.publish(partial, as: path)
                return path
            }
            try files.remove(partial)
        }
        throw ClientError(
            .badAnswer,
            "coordinator \(client.address): sent other content than \(digest); check its disk")
    }

    private func fill(
        _ partial: String, _ digest: ContentDigest, _ size: Int64, _ retry: RetryPolicy,
        _ progress: @Sendable (Int64) -> Void
    ) async throws {
        let file = try files.open(writing: partial, truncate: false, mode: 0o644)
        var offset = try file.size()
        if offset > size {
            try file.truncate(to: 0)
            offset = 0
        }
        while offset < size {
            let count = Int(min(Int64(WireLimit.chunk), size - offset))
            let request = BlobRange(sha256: digest.text, offset: Int(offset), count: count)
            let piece = try await client.call(.getBlob, request, retry: retry, timeLimit: nil)
            guard !piece.bytes.isEmpty, piece.bytes.count <= count else {
                throw ClientError(
                    .badAnswer,
                    "coordinator \(client.address): blob \(digest) ends at \(offset), wanted \(size) bytes"
                )
            }
            try file.write(Array(piece.bytes), at: offset)
            offset += Int64(piece.bytes.count)
            progress(offset)
        }
    }
}
