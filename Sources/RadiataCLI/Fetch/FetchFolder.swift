import Foundation
import Ports
import RunSpec
import SweepClient

/// The folder that things are fetched into. A file appears under its name when it is whole and has the digest
/// it should have; what is on its way lies in `.fetch` and is gone on with by the same command.
struct FetchFolder {
    let path: String
    private let cache: BlobCache
    private let files = DiskFiles()
    private var partial: String { path + "/.fetch" }

    init(path: String, client: SweepClient) throws {
        self.path = path
        cache = BlobCache(folder: path + "/.fetch", client: client)
        do {
            try files.makeFolder(path)
        } catch let error as PortsError {
            throw CommandFailure(.usage, "-o \(path): \(error.message); give another folder")
        }
    }

    /// - Parameter progress: told how many bytes of the file are here.
    /// - Throws: `CommandFailure` for a file of that name with other content.
    func fetch(
        _ sha256: String, bytes: Int, as name: String, progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        guard let digest = ContentDigest(sha256), FileName.isPath(name) else {
            throw CommandFailure(.failed, "the coordinator names a file '\(name)' (\(sha256)) that cannot be one")
        }
        let target = "\(path)/\(name)"
        if let there = try files.information(target) {
            let found = try ContentDigest.of(file: target, in: files)
            let isSame = there.isRegular && found.digest == digest
            guard isSame else {
                throw CommandFailure(
                    .failed, "\(target) is there with other content; give another folder with -o, or move it away")
            }
            return progress(Int64(bytes))
        }
        let fetched = try await cache.fetch(digest, size: Int64(bytes), retry: .user, progress: progress)
        try files.makeFolder(DiskFiles.parent(of: target))
        try files.publish(fetched, as: target)
    }

    /// A text that is made anew each time.
    func write(_ text: String, as name: String) throws {
        try files.writeAtomically(Array(text.utf8), to: "\(path)/\(name)")
    }

    /// Nothing is on its way any more.
    func finish() throws { try files.remove(partial) }
}
