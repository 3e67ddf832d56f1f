import Foundation
import Ports
import SweepClient
import SweepFile
import SweepModel
import SweepWire
import Synchronization

/// Reads a sweep file, brings its inputs to the coordinator, and launches it. Shared by `launch` and `demo`.
struct SweepLauncher {
    let client: SweepClient
    /// Overrides the sweep file's.
    var priority: Int?
    /// Off for shared file systems: workers then find the inputs with `--inputs`.
    var uploads = true

    func launch(file: String) async throws -> LaunchResponse {
        let inputs = SweepFileReader.Inputs()
        let sweep = try SweepFileReader(digest: inputs).read(file)
        for warning in sweep.plan.warnings { Console.note("warning: \(warning)") }
        if let missing = sweep.plan.jobs.first(where: \.provisional) {
            throw CommandFailure(
                .usage,
                "\(file): base or data are missing (see the warning), job \(missing.id.short) cannot be run; nothing was launched"
            )
        }
        let trees = sweep.bundle.inputs.values.compactMap { input in
            inputs[input.path].map { (path: input.path, list: InputList(name: input.path, tree: $0)) }
        }
        var bundle = sweep.bundle
        bundle.priority = priority
        var request = LaunchRequest(key: Self.newKey(), bundle: bundle, inputs: trees.map(\.list))
        let first = try await client.call(.launch, request, timeLimit: .seconds(3600))
        guard uploads, !first.missingBlobs.isEmpty else { return first }
        try await upload(first.missingBlobs, from: trees)
        // Asked again with a new key, so that the answer speaks of the blobs that are there now.
        request.key = Self.newKey()
        var answer = try await client.call(.launch, request, timeLimit: .seconds(3600))
        // The first call added the jobs, the second found them there.
        (answer.added, answer.shared) = (first.added, first.shared)
        return answer
    }

    private func upload(_ missing: [String], from trees: [(path: String, list: InputList)]) async throws {
        let wanted = Set(missing)
        var files: [String: (path: String, size: Int64)] = [:]
        for (path, list) in trees {
            for file in list.tree.files where wanted.contains(file.sha256.text) {
                files[file.sha256.text] = (list.tree.isFolder ? "\(path)/\(file.path)" : path, file.size)
            }
        }
        let meter = UploadMeter(total: files.values.reduce(0) { $0 + $1.size }, count: files.count)
        for (digest, file) in files.sorted(by: { $0.key < $1.key }) {
            guard let name = ContentDigest(digest) else { continue }
            try await client.upload(.file(file.path), digest: name, size: file.size) { meter.update(within: $0) }
            meter.finishFile(file.size)
        }
        meter.end()
    }

    /// 128 random bits as 32 hex digits.
    private static func newKey() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let word = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }
}

/// Progress of an upload: a bar on a terminal, one line at the end elsewhere.
private final class UploadMeter: Sendable {
    private let total: Int64
    private let count: Int
    private let sent = Mutex<Int64>(0)

    init(total: Int64, count: Int) {
        self.total = total
        self.count = count
    }

    func update(within: Int64) {
        guard Console.isTerminal else { return }
        let done = sent.withLock { $0 } + within
        let megabytes = { (bytes: Int64) in String(format: "%.1f", Double(bytes) / 1e6) }
        Console.rewrite(
            "uploading inputs \(Console.bar(done: Double(done) / Double(max(total, 1)))) \(megabytes(done)) of \(megabytes(total)) MB"
        )
    }

    func finishFile(_ size: Int64) { sent.withLock { $0 += size } }

    func end() {
        if Console.isTerminal { Console.rewrite("") }
        Console.note("uploaded \(count) input files, \(String(format: "%.1f", Double(total) / 1e6)) MB")
    }
}
