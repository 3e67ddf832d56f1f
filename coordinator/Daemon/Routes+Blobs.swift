import Foundation
import Hummingbird
import Ports
import SweepLedger
import SweepWire

extension Routes {
    func addBlobRoutes(_ router: Router<CallContext>) {
        mount.mount(.beginBlob, on: router) { request, _ in
            let digest = try Self.digest(request.sha256)
            guard (0...BlobStore.mostBytes).contains(request.bytes) else {
                throw WireError(.badRequest, "a blob of \(request.bytes) bytes; wanted 0 to \(BlobStore.mostBytes)")
            }
            if case .unknown = try await BlockingWork.run({ try ledger.blobs.status(digest) }) {
                try gauge.check(request.bytes)
            }
            let status = try await BlockingWork.run { try ledger.blobs.begin(digest, bytes: request.bytes) }
            return try await answer(status, digest)
        }
        mount.mount(.missingBlobs, on: router) { request, _ in
            guard request.sha256.count <= WireLimit.digests else {
                throw WireError(.badRequest, "missingBlobs: more than \(WireLimit.digests) digests")
            }
            let known = try await ledger.writer.perform(KeepBlobs(sha256: request.sha256, now: wall), .bulk)
            // "There" is said only after the file was looked at: a row alone keeps no promise.
            return try await BlockingWork.run {
                BlobsMissing(
                    missing: try request.sha256.filter { text in
                        guard let bytes = known[text], let digest = ContentDigest(text) else { return true }
                        return try ledger.blobs.size(digest) != bytes
                    })
            }
        }
        mount.mount(.blobStatus, on: router) { request, _ in
            let digest = try Self.digest(request.sha256)
            return try await answer(try await BlockingWork.run { try ledger.blobs.status(digest) }, digest)
        }
        mount.mount(.putChunk, on: router) { request, _ in
            let digest = try Self.digest(request.sha256)
            let status = try await BlockingWork.run {
                try ledger.blobs.put(digest, index: request.index, checksum: request.checksum, bytes: request.bytes)
            }
            return try await answer(status, digest)
        }
        mount.mount(.commitBlob, on: router) { request, _ in
            let digest = try Self.digest(request.sha256)
            let bytes = try await BlockingWork.run { try ledger.blobs.seal(digest) }
            return try await answer(.complete(bytes: bytes), digest)
        }
        mount.mount(.getBlob, on: router) { request, _ in
            let digest = try Self.digest(request.sha256)
            let data = try await BlockingWork.run {
                try ledger.blobs.read(digest, offset: request.offset, count: min(request.count, WireLimit.chunk))
            }
            guard let data else { throw WireError(.notFound, "blob \(request.sha256) is not in the store") }
            return RawBytes(data)
        }
    }

    /// Files are on disk at this point; the ledger's row comes before the answer.
    private func answer(_ status: BlobStore.Status, _ digest: ContentDigest) async throws -> BlobStatus {
        switch status {
        case .unknown: return BlobStatus(state: .unknown, bytes: 0)
        case .open(let bytes, let missing): return BlobStatus(state: .open, bytes: bytes, missing: missing)
        case .complete(let bytes):
            try await ledger.store(digest, bytes: bytes, now: wall)
            // The garbage collector may have taken the file between the first look and the row.
            guard try ledger.blobs.size(digest) == bytes else {
                throw WireError(.unavailable, "blob \(digest) was just removed; upload it again", retryAfter: 1)
            }
            return BlobStatus(state: .complete, bytes: bytes)
        }
    }
}
