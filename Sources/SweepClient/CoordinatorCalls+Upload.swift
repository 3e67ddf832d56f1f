import Foundation
package import Ports
import SweepWire

/// What an upload reads from.
package enum BlobSource: Sendable {
    case file(String)
    case bytes([UInt8])
}

extension CoordinatorCalls {
    /// From an upload that did not complete to the next try.
    private static var uploadPause: Duration { .seconds(1) }

    /// Brings a blob to the coordinator: nothing is sent if it is there already, and an upload that was cut
    /// off goes on with the chunks that are missing.
    ///
    /// - Parameters:
    ///   - files: where a source that is a file lies.
    ///   - progress: gets the bytes known to be on the coordinator's disk so far, counted for this blob.
    /// - Throws: ``ClientError``; `local` if the source does not have this digest (any more).
    package func upload(
        _ source: BlobSource, digest: ContentDigest, size: Int64, in files: any FileStore = DiskFiles(),
        retry: RetryPolicy = .user, progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws {
        for _ in 0..<3 {
            let begin = BlobBegin(sha256: digest.text, bytes: Int(size))
            let status = try await call(.beginBlob, begin, retry: retry)
            if status.state == .complete { return progress(size) }
            try await sendChunks(source, digest, size, status, files, retry, progress)
            do {
                let done = try await call(.commitBlob, BlobRequest(sha256: digest.text), retry: retry, timeLimit: nil)
                if done.state == .complete { return progress(size) }
            } catch let error as ClientError
                where error.code == .refused(.conflict) || error.code == .refused(.notFound)
            {
                // Chunks got lost (another upload of it was dropped), or the content is not what its name
                // says.
                try verify(source, digest, files)
                // What was refused is not sent again at once.
                try await time.sleep(for: Self.uploadPause)
            }
        }
        throw ClientError(
            .badAnswer,
            "coordinator \(address): the upload of \(digest) does not complete; try again later")
    }

    private func sendChunks(
        _ source: BlobSource, _ digest: ContentDigest, _ size: Int64, _ status: BlobStatus, _ files: any FileStore,
        _ retry: RetryPolicy, _ progress: @Sendable (Int64) -> Void
    ) async throws {
        guard status.chunkBytes > 0 else {
            throw ClientError(
                .badAnswer, "coordinator \(address): asks for chunks of \(status.chunkBytes) bytes")
        }
        let file: (any StoredFile)? = if case .file(let path) = source { try files.open(reading: path) } else { nil }
        func length(of index: Int) -> Int {
            max(0, min(status.chunkBytes, Int(size) - index * status.chunkBytes))
        }
        var missing = status.missing.reduce(Int64(0)) { $0 + Int64(length(of: $1)) }
        progress(size - missing)
        for index in status.missing {
            let offset = index * status.chunkBytes
            let count = length(of: index)
            let bytes: [UInt8] =
                switch source {
                case .file: try file?.read(count, at: Int64(offset)) ?? []
                case .bytes(let all): Array(all.dropFirst(offset).prefix(count))
                }
            guard bytes.count == count else { throw changed(source, digest) }
            let chunk = BlobChunk(sha256: digest.text, index: index, checksum: CRC32C.of(bytes), bytes: Data(bytes))
            _ = try await call(.putChunk, chunk, retry: retry, timeLimit: nil)
            missing -= Int64(count)
            progress(size - missing)
        }
    }

    private func verify(_ source: BlobSource, _ digest: ContentDigest, _ files: any FileStore) throws {
        let found =
            switch source {
            case .file(let path): try ContentDigest.of(file: path, in: files).digest
            case .bytes(let all): ContentDigest.of(all)
            }
        guard found == digest else { throw changed(source, digest) }
    }

    private func changed(_ source: BlobSource, _ digest: ContentDigest) -> ClientError {
        let name = if case .file(let path) = source { path } else { "the bytes given" }
        return ClientError(.local, "\(name): not the content of \(digest) any more; it changed during the upload")
    }
}
