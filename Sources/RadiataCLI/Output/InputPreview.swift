import Ports
import SweepClient
import SweepFile
import SweepModel
import SweepWire

/// What of a sweep's inputs would be sent to the coordinator, and who has them: said before a byte is sent.
struct InputPreview: Encodable {
    struct Item: Encodable {
        let path: String
        let digest: String
        let files: Int
        let bytes: Int64
        /// What the coordinator does not have; nil where none was asked.
        var missingFiles: Int?
        var missingBytes: Int64?
        /// Connected workers that worked with it before; nil where that is not known.
        var workers: Int?
    }

    let inputs: [Item]
    /// Connected workers.
    let workers: Int?
    /// Different files and bytes to be sent; nil where no coordinator was asked.
    let sentFiles: Int?
    let sentBytes: Int64?

    /// - Parameters:
    ///   - client: nil where none could be made.
    ///   - isNeeded: whether a coordinator that does not answer is a failure.
    ///   - sends: off where workers find their inputs by themselves.
    static func ask(
        _ client: SweepClient?, of sweep: SweepFile, _ known: SweepFileReader.Inputs, _ preview: SweepPreview,
        isNeeded: Bool, sends: Bool = true
    ) async throws -> InputPreview {
        let places = Set(sweep.bundle.inputs.values.map(\.path)).sorted()
        let trees = places.compactMap { path in known[path].map { (path: path, tree: $0) } }
        let sizes = Dictionary(trees.flatMap { $0.tree.files }.map { ($0.sha256.text, $0.size) }) { first, _ in first }
        let missing = try await Self.missing(sizes.keys.sorted(), client, isNeeded: isNeeded)
        let items = trees.map { path, tree in
            var item = Item(path: path, digest: tree.digest.text, files: tree.files.count, bytes: tree.size)
            if let missing {
                let absent = tree.files.filter { missing.contains($0.sha256.text) }
                (item.missingFiles, item.missingBytes) = (absent.count, absent.reduce(0) { $0 + $1.size })
            }
            item.workers = preview.history?.holders?[item.digest]
            return item
        }
        let sent: Set<String>? = sends ? missing : missing.map { _ in [] }
        return InputPreview(
            inputs: items, workers: preview.history?.workers, sentFiles: sent?.count,
            sentBytes: sent?.reduce(0) { $0 + (sizes[$1] ?? 0) })
    }

    private static func missing(_ digests: [String], _ client: SweepClient?, isNeeded: Bool) async throws
        -> Set<String>?
    {
        guard let client, !digests.isEmpty else { return digests.isEmpty ? [] : nil }
        var missing: Set<String> = []
        do {
            for start in stride(from: 0, to: digests.count, by: WireLimit.digests) {
                let some = Array(digests[start..<min(start + WireLimit.digests, digests.count)])
                missing.formUnion(
                    try await client.call(
                        .missingBlobs, BlobsRequest(sha256: some), retry: isNeeded ? .user : .never,
                        timeLimit: .seconds(isNeeded ? 60 : 3)
                    ).missing)
            }
            return missing
        } catch is ClientError where !isNeeded {
            return nil  // a plan needs no coordinator, and a token that only reads cannot ask
        }
    }

    /// A line for each input, and one for all.
    var lines: [String] {
        guard !inputs.isEmpty else { return [] }
        var lines = inputs.map { item in
            var line = "input \(item.path): \(ByteText.megabytes(item.bytes)) in \(Self.files(item.files))"
            if let missing = item.missingBytes, let count = item.missingFiles {
                line +=
                    count == 0
                    ? "; the coordinator has it"
                    : count == item.files
                        ? "; the coordinator has nothing of it"
                        : "; the coordinator has \(ByteText.megabytes(item.bytes - missing)) of it"
            }
            if let workers, workers > 0, let some = item.workers {
                line += "; \(some) of \(workers) connected workers worked with it before"
            }
            return line
        }
        if let sentBytes, let sentFiles {
            lines.append("to send: \(ByteText.megabytes(sentBytes)) in \(Self.files(sentFiles))")
        }
        return lines
    }

    private static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }
}
