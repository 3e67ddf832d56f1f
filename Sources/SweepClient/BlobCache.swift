import Foundation
package import Ports
package import SweepWire

/// Blobs on this machine, by the digest of their content: what is here is never fetched again.
///
/// A file appears under its name only after its content was verified. A fetch that was cut off goes on where
/// it stopped. Processes that share the folder fetch each blob once: one of them has its lock, which ends
/// with the process however that ends, and the others wait for it.
package actor BlobCache {
    /// How often one that waits for another process looks.
    private static let pace: Duration = .milliseconds(200)

    private let folder: String
    private let client: any CoordinatorCalls
    private let files: any FileStore
    private let source: Endpoint<BlobRange, RawBytes>
    private let note: @Sendable (String) -> Void
    private var fetches: [ContentDigest: Task<String, any Error>] = [:]

    /// - Parameters:
    ///   - folder: made when it is needed.
    ///   - source: what is asked for the pieces.
    ///   - note: gets a line about a fetch that goes on, or that another process has begun.
    package init(
        folder: String, client: any CoordinatorCalls, files: any FileStore = DiskFiles(),
        source: Endpoint<BlobRange, RawBytes> = .getBlob, note: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.folder = folder
        self.client = client
        self.files = files
        self.source = source
        self.note = note
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
        let locks = folder + "/.locks"
        try files.makeFolder(locks)
        let lock = try await turn("\(locks)/\(digest)", path, size)
        defer { withExtendedLifetime(lock) {} }
        if try files.information(path)?.size == size { return path }
        let partial = path + ".partial"
        for _ in 0..<2 {
            try await fill(partial, digest, size, retry, progress)
            let found = try ContentDigest.of(file: partial, in: files)
            if found.digest == digest {
                try files.publish(partial, as: path)
                // Who still waits for this very file finds the blob there.
                try files.remove("\(locks)/\(digest)")
                return path
            }
            try files.remove(partial)
        }
        throw ClientError(
            .badAnswer,
            "coordinator \(client.address): sent other content than \(digest); check its disk")
    }

    /// Waits until no other process fetches the blob.
    ///
    /// - Returns: the lock of the blob; nil where another has fetched it meanwhile.
    private func turn(_ lock: String, _ path: String, _ size: Int64) async throws -> (any Sendable)? {
        var isTold = false
        while true {
            if let held = try files.lock(lock) { return held }
            if !isTold { note("another process of this machine fetches \(Self.text(size)); waiting for it") }
            isTold = true
            try await client.time.sleep(for: Self.pace)
            if try files.information(path)?.size == size { return nil }
        }
    }

    private static func text(_ bytes: Int64) -> String {
        let tenths = (bytes + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10) MB"
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
        if offset > 0 { note("a fetch goes on at \(Self.text(offset)) of \(Self.text(size))") }
        while offset < size {
            let count = Int(min(Int64(WireLimit.chunk), size - offset))
            let request = BlobRange(sha256: digest.text, offset: Int(offset), count: count)
            let piece = try await client.call(source, request, retry: retry, timeLimit: nil)
            guard !piece.bytes.isEmpty, piece.bytes.count <= count else {
                throw ClientError(
                    .badAnswer,
                    "coordinator \(client.address): blob \(digest) ends at \(offset), wanted \(size) bytes"
                )
            }
            try file.write(Array(piece.bytes), at: offset)
            offset += Int64(piece.bytes.count)
            Faults.reach("worker.fetched-piece")
            progress(offset)
        }
    }
}
