import CoreTools
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
    /// Whose sweep files it reads; ours if left out.
    var foreign: ForeignOptions?

    func launch(file: String) async throws -> LaunchResponse {
        let inputs = SweepFileReader.Inputs()
        return try await launch(try read(file, inputs), inputs)
    }

    /// The sweep, with everything there that its jobs need.
    func read(_ file: String, _ inputs: SweepFileReader.Inputs) throws -> SweepFile {
        let sweep = try SweepFileReader(digest: inputs, foreign: foreign).read(file)
        for warning in sweep.plan.warnings + SweepFindings.of(sweep) { Console.note("warning: \(warning)") }
        if let missing = sweep.plan.jobs.first(where: \.provisional) {
            throw CommandFailure(
                .usage,
                "\(file): base or data are missing (see the warning), job \(missing.id.short) cannot be run; nothing was launched"
            )
        }
        if let needs = try SweepPreflight.check(sweep, file: file) { Console.note("\(needs.description); estimated") }
        return sweep
    }

    /// - Parameter again: the command that goes on with an upload that was cut off. With it Ctrl-C says what
    ///   is done and what is left.
    func launch(_ sweep: SweepFile, _ inputs: SweepFileReader.Inputs, again: String? = nil) async throws
        -> LaunchResponse
    {
        let trees = sweep.bundle.inputs.values.compactMap { input in
            inputs[input.path].map { (path: input.path, list: InputList(name: input.path, tree: $0)) }
        }
        var bundle = sweep.bundle
        bundle.priority = priority
        var request = LaunchRequest(key: Self.newKey(), bundle: bundle, inputs: trees.map(\.list))
        let first = try await client.call(.launch, request, timeLimit: .seconds(3600))
        guard uploads, !first.missingBlobs.isEmpty else { return first }
        try await upload(first, from: trees, again: again)
        // Asked again with a new key, so that the answer speaks of the blobs that are there now.
        request.key = Self.newKey()
        var answer = try await client.call(.launch, request, timeLimit: .seconds(3600))
        // The first call added the jobs, the second found them there.
        (answer.added, answer.shared) = (first.added, first.shared)
        return answer
    }

    private func upload(
        _ launched: LaunchResponse, from trees: [(path: String, list: InputList)], again: String?
    ) async throws {
        let wanted = Set(launched.missingBlobs)
        var files: [String: (path: String, size: Int64)] = [:]
        for (path, list) in trees {
            for file in list.tree.files where wanted.contains(file.sha256.text) {
                files[file.sha256.text] = (list.tree.isFolder ? "\(path)/\(file.localPath)" : path, file.size)
            }
        }
        let meter = UploadMeter(total: files.values.reduce(0) { $0 + $1.size }, count: files.count)
        meter.start()
        let sweep = launched.sweep
        let interrupt = again.map { again in
            InterruptHandler { Console.note("stopped. " + meter.standing(sweep: sweep, again: again)) }
        }
        defer { interrupt?.cancel() }
        do {
            for (digest, file) in files.sorted(by: { $0.key < $1.key }) {
                guard let name = ContentDigest(digest) else { continue }
                try await client.upload(.file(file.path), digest: name, size: file.size) { meter.update(within: $0) }
                meter.finishFile(file.size)
            }
        } catch {
            if let again { Console.note(meter.standing(sweep: sweep, again: again)) }
            throw error
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
