import Foundation
import Ports
import SweepLedger
import SweepWire

extension Operations {
    func mountBlobs(on place: some OperationMount) {
        place.mount(.beginBlob) { request, _ in
            let digest = try Self.digest(request.sha256)
            guard (0...BlobStore.mostBytes).contains(request.bytes) else {
                throw WireError(.badRequest, "a blob of \(request.bytes) bytes; wanted 0 to \(BlobStore.mostBytes)")
            }
            if case .unknown = try await work.withBlobs("blobStatus", { try $0.status(digest) }) {
                try gauge.check(request.bytes)
            }
            let status = try await work.withBlobs("beginBlob") { try $0.begin(digest, bytes: request.bytes) }
            return try await answer(status, digest)
        }
        place.mount(.missingBlobs) { request, _ in
            guard request.sha256.count <= WireLimit.digests else {
                throw WireError(.badRequest, "missingBlobs: more than \(WireLimit.digests) digests")
            }
            let known = try await work.commit(KeepBlobs(sha256: request.sha256, now: wall), .bulk)
            // "There" is said only after the file was looked at: a row alone keeps no promise.
            return try await work.withBlobs("missingBlobs") { blobs in
                BlobsMissing(
                    missing: try request.sha256.filter { text in
                        guard let bytes = known[text], let digest = ContentDigest(text) else { return true }
                        return try blobs.size(digest) != bytes
                    })
            }
        }
        place.mount(.blobStatus) { request, _ in
            let digest = try Self.digest(request.sha256)
            return try await answer(try await work.withBlobs("blobStatus") { try $0.status(digest) }, digest)
        }
        place.mount(.putChunk) { request, _ in
            let digest = try Self.digest(request.sha256)
            let status = try await work.withBlobs("putChunk") {
                try $0.put(digest, index: request.index, checksum: request.checksum, bytes: request.bytes)
            }
            return try await answer(status, digest)
        }
        place.mount(.commitBlob) { request, _ in
            let digest = try Self.digest(request.sha256)
            let bytes = try await work.withBlobs("commitBlob") { try $0.seal(digest) }
            return try await answer(.complete(bytes: bytes), digest)
        }
        place.mount(.getBlob) { request, _ in
            let digest = try Self.digest(request.sha256)
            let data = try await work.withBlobs("getBlob") {
                try $0.read(digest, offset: request.offset, count: min(request.count, WireLimit.chunk))
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
            try await work.commit(AddBlobs(blobs: [(digest.text, bytes)], now: wall))
            // The garbage collector may have taken the file between the first look and the row.
            guard try ledger.blobs.size(digest) == bytes else {
                Faults.reach("blob-collected-meanwhile")
                throw WireError(.unavailable, "blob \(digest) was just removed; upload it again", retryAfter: 1)
            }
            return BlobStatus(state: .complete, bytes: bytes)
        }
    }
}
