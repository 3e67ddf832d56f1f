import Foundation
import Ports
import RunSpec
import SweepAnalysis
import SweepClient

/// What the coordinator has for a sweep's grid; fetched once, then here.
struct SweepGridSource {
    typealias Items<Content: Sendable> = [String: [SweepGridPlan.Item<Content>]]

    private let client: SweepClient
    private let sweep: String
    private let blobs: BlobCache
    private let folder: String

    init(client: SweepClient, sweep: String, folder: String) {
        self.client = client
        self.sweep = sweep
        self.folder = folder
        blobs = BlobCache(folder: folder + "/blobs", client: client)
    }

    /// The adapters of each job's checkpoints, oldest first.
    func adapters() async throws -> Items<[PublicQueries.AdapterFile]> {
        let files = try await client.rows(of: PublicQueries.adapters(ofSweep: sweep))
        var items: Items<[PublicQueries.AdapterFile]> = [:]
        for file in files {
            if let last = items[file.job]?.indices.last, items[file.job]?[last].step == file.step {
                items[file.job]?[last].content.append(file)
            } else {
                items[file.job, default: []].append(
                    .init(job: file.job, epoch: file.epoch, step: file.step, content: [file]))
            }
        }
        return items
    }

    /// The sample images of each job, or the contact sheets where the sweep has no samples; oldest first.
    /// Videos are left out, with a word.
    func pictures() async throws -> Items<PublicQueries.PictureFile> {
        let found = try await client.rows(of: PublicQueries.pictures(ofSweep: sweep))
        let all = found.filter { !$0.moves }
        if all.count < found.count {
            Console.note(
                "\(found.count - all.count) of the \(found.count) samples are videos, which a grid does not show: look at "
                    + "them on the coordinator's page, or fetch a job with --samples")
        }
        let isSamples = all.contains(where: \.isSample) && !all.contains { !$0.isSample }
        let checkpoints = try await adapters()
        var items: Items<PublicQueries.PictureFile> = [:]
        for picture in all where picture.isSample == isSamples {
            let name = picture.place
            let there = checkpoints[picture.job]?.first { item in
                item.content.contains { $0.checkpoint == picture.checkpoint }
                    || name.step.map { $0 == item.step } == true
            }
            items[picture.job, default: []].append(
                .init(
                    job: picture.job, epoch: name.epoch ?? there?.epoch, step: name.step ?? there?.step,
                    series: picture.isSample ? name.series : "", content: picture))
        }
        return items.mapValues { items in
            items.sorted { a, b in
                (a.step ?? a.epoch ?? -1, a.series, a.content.name) < (
                    b.step ?? b.epoch ?? -1, b.series, b.content.name
                )
            }
        }
    }

    func parameters() async throws -> [(job: String, parameters: [String: ParameterValue])] {
        try await client.rows(of: PublicQueries.parameters(ofSweep: sweep))
    }

    /// The path of a blob's file.
    func fetch(_ sha256: String, _ bytes: Int) async throws -> String {
        guard let digest = ContentDigest(Substring(sha256)) else {
            throw CommandFailure(.failed, "'\(sha256)' is no digest")
        }
        return try await blobs.fetch(digest, size: Int64(bytes), retry: .user)
    }

    /// The path of an adapter: its file, or a folder with its files under their names.
    func fetch(_ files: [PublicQueries.AdapterFile]) async throws -> String {
        guard files.count > 1, let first = files.first else {
            return try await fetch(files[0].sha256, files[0].bytes)
        }
        // Named by what is in it: the same adapter is found again.
        let place =
            "\(folder)/adapters/\(ContentDigest.of(files.map { "\($0.file) \($0.sha256)" }.joined(separator: "\n")))"
        for file in files {
            let blob = try await fetch(file.sha256, file.bytes)
            guard FileName.isPath(file.file) else {
                throw CommandFailure(.failed, "job \(first.job.prefix(8)): '\(file.file)' is no name of a file")
            }
            let path = "\(place)/\(file.file)"
            if FileManager.default.fileExists(atPath: path) { continue }
            try FileManager.default.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: blob)
        }
        return place
    }
}
