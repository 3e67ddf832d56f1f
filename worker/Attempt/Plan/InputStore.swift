import Foundation
import Glibc
package import Ports
import RunSpec
package import SweepClient
package import SweepModel
import SweepWire

/// Finds base models and data sets by the digest of their content: in the cache, in folders the user named
/// (whatever it is called there), at the place where the launching machine had it (a shared file system),
/// else at the coordinator.
package actor InputStore {
    private let folder: WorkFolder
    private let client: any CoordinatorCalls
    private let places: [String]
    private let blobs: BlobCache
    private let digests: DigestCache
    private let files: any FileStore
    private var running: [ContentDigest: Task<String, any Error>] = [:]

    /// - Parameter places: folders the user named with `--inputs`.
    package init(
        folder: WorkFolder, client: any CoordinatorCalls, places: [String], blobs: BlobCache, files: any FileStore
    ) {
        self.folder = folder
        self.client = client
        self.places = places
        self.blobs = blobs
        self.files = files
        digests = DigestCache(path: folder.digests, files: files)
    }

    /// Where the input lies on this machine: a folder, or a file.
    ///
    /// - Throws: `ClientError` or ``WorkerError`` if it is nowhere.
    package func locate(_ input: ResolvedInput) async throws -> String {
        while true {
            if let task = running[input.digest] {
                do {
                    return try await task.value
                } catch is CancellationError {
                    // Another attempt's wish for it was withdrawn; ours stands.
                    try Task.checkCancellation()
                }
                continue
            }
            let task = Task { try await self.search(input) }
            running[input.digest] = task
            defer { running[input.digest] = nil }
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }

    private func search(_ input: ResolvedInput) async throws -> String {
        let cached = "\(folder.inputs)/\(input.digest)"
        if let path = try contents(of: cached) { return path }
        let named = candidates(input)
        for candidate in named where try files.exists(candidate) {
            if try await has(candidate, input) { return candidate }
        }
        let tree = try await list(input)
        let (places, files) = (places, files)
        let alike = try await BlockingWork.run {
            InputLookalikes(files: files).find(tree, in: places)
        }
        for candidate in alike where !named.contains(candidate) {
            if try await has(candidate, input) { return candidate }
        }
        return try await fetch(input, tree, to: cached)
    }

    /// Whether the content there is the input's.
    private func has(_ candidate: String, _ input: ResolvedInput) async throws -> Bool {
        let (digests, files) = (digests, files)
        let tree = try? await BlockingWork.run {
            try TreeDigest.compute(candidate, files: files, cache: digests)  // not readable: not it
        }
        try digests.save()
        return tree?.digest == input.digest
    }

    /// The files that it consists of, as the coordinator has them; held against its digest.
    private func list(_ input: ResolvedInput) async throws -> TreeDigest {
        let list = try await client.call(.input, InputRequest(digest: input.digest.text), retry: .forever)
        let tree = list.tree
        let real = tree.isFolder ? TreeDigest(folder: tree.files) : tree.files.first.map { TreeDigest(file: $0) }
        guard let real, real.digest == input.digest else {
            throw WorkerError(
                .badInput, "input \(input.path): the coordinator's list of files is not that of \(input.digest)")
        }
        return real
    }

    /// Places worth a look: those the user named, what they hold under the input's name, and the input's own
    /// path.
    private func candidates(_ input: ResolvedInput) -> [String] {
        let segments = input.path.split(separator: "/").map(String.init)
        var result: [String] = []
        for place in places {
            for count in stride(from: segments.count, through: 0, by: -1) {
                result.append(([place] + segments.suffix(count)).joined(separator: "/"))
            }
        }
        if input.path.hasPrefix("/") { result.append(input.path) }
        return result
    }

    /// A cached input: one that is a single file lies alone in a folder `file`.
    private func contents(of cached: String) throws -> String? {
        if try files.exists(cached + "/folder") { return cached + "/folder" }
        guard try files.exists(cached + "/file"), let name = try files.list(cached + "/file").first else { return nil }
        return "\(cached)/file/\(name)"
    }

    private func fetch(_ input: ResolvedInput, _ tree: TreeDigest, to cached: String) async throws -> String {
        let temporary = "\(folder.inputs)/.\(input.digest)"
        try files.remove(temporary)
        for file in tree.files {
            let local = file.localPath
            let segments = local.split(separator: "/", omittingEmptySubsequences: false)
            guard InputPath.isSafe(file.path), segments.allSatisfy({ !$0.hasPrefix(".") }) else {
                throw WorkerError(.badInput, "input \(input.path): '\(file.path)' is not a name a file may have")
            }
            let blob: String
            do {
                blob = try await blobs.fetch(file.sha256, size: file.size)
            } catch let error as ClientError where error.code == .refused(.notFound) {
                throw WorkerError(
                    .badInput,
                    "input \(input.path) (\(input.digest)) is neither here nor at the coordinator; launch the sweep without "
                        + "--no-upload, or start the worker with --inputs DIR where DIR holds it")
            }
            let target = "\(temporary)/\(tree.isFolder ? "folder" : "file")/\(local)"
            try files.makeFolder(String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]))
            try files.link(blob, as: target)
        }
        try files.publish(temporary, as: cached)
        guard let path = try contents(of: cached) else {
            throw WorkerError(.badInput, "input \(input.path): the coordinator lists no files for it")
        }
        return path
    }
}
