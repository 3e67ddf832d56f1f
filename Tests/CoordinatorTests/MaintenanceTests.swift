import Coordinator
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import Testing

/// Free space as the test wants it.
private final class PlayedDisk: Sendable {
    private let free = Mutex<Int64>(100 << 30)

    func set(_ bytes: Int64) { free.withLock { $0 = bytes } }

    var space: @Sendable (String) throws -> DiskSpace {
        { _ in DiskSpace(free: self.free.withLock { $0 }, total: 200 << 30) }
    }
}

@Suite("What the coordinator does by itself")
struct MaintenanceTests {
    private func options(_ disk: PlayedDisk? = nil) -> DaemonBench.Options {
        var options = DaemonBench.Options()
        options.maintenance.disk = .milliseconds(10)
        options.maintenance.tidy = .milliseconds(10)
        options.space = disk?.space
        return options
    }

    /// Asks until the answer is right; the test's time limit ends what never is.
    private func eventually<Value: Equatable>(_ wanted: Value, _ ask: () async throws -> Value) async throws {
        while try await ask() != wanted { try await Task.sleep(for: .milliseconds(50)) }
    }

    @Test("checkpoints are thinned as the sweep asked for, without anybody's call", .timeLimit(.minutes(5)))
    func thinning() async throws {
        try await DaemonBench.with(options()) { bench async throws in
            let text = """
                name: thin
                trainer: { command: ["true", "{lr}"] }
                keep: { best: { metric: score, count: 1 }, last: 1 }
                groups: [ { name: g, list: [ { lr: 1e-4 } ] } ]
                """
            _ = try await bench.call(
                .launch,
                LaunchRequest(
                    key: SystemRandom().hexadecimal(bytes: 16), bundle: LaunchBundle(fileName: "t.yaml", text: text)))
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            for (step, value) in [(1, 0.25), (2, 0.75), (3, 0.5)] {
                let name = AttemptFolder.checkpointName(step: step)
                let blob = try await one.upload("adapter \(step)")
                let manifest = CheckpointManifest(
                    step: step, epoch: 0, final: false,
                    files: [.init(name: "a.safetensors", kind: .adapter, bytes: 9, sha256: blob)])
                let report = CheckpointReport(name: name, manifest: manifest, streamPosition: 0)
                #expect(try await one.report(grant.token, .checkpoint(report)) == .accepted)
                let row = EvaluationRow(
                    checkpoint: name, epoch: 0, step: step, class: "", prompts: "", metric: "score", value: value, n: 1)
                #expect(
                    try await one.report(grant.token, .evaluations(EvaluationReport(rows: [row], completed: [])))
                        == .accepted)
            }
            #expect(try await one.report(grant.token, .finished(FinishReport(streamPosition: 0))) == .accepted)
            try await eventually([[.integer(2)]]) { try await bench.query("SELECT step FROM checkpoints") }
        }
    }

    @Test(
        "on a nearly full disk no job is handed out and no new blob taken, and people are told; then it goes on",
        .timeLimit(.minutes(5)))
    func fullDisk() async throws {
        let disk = PlayedDisk()
        try await DaemonBench.with(options(disk)) { bench async throws in
            func notice() async throws -> String? { try await bench.call(.status, SweepRequest(sweep: "")).notice }
            #expect(try await notice() == nil)
            let one = try await HandWorker("one", bench)
            try await bench.launch(["1e-4"])
            let running = try await one.claim()

            disk.set(1 << 30)
            try await eventually(true) { try await notice()?.contains("1024 MiB free") == true }
            disk.set(100 << 20)
            try await eventually(true) { try await notice()?.contains("no jobs are handed out") == true }
            try await bench.launch(["1e-3"], name: "u")
            #expect(try await one.exchange(free: 1).grants.isEmpty)
            let blob = BlobBegin(sha256: ContentDigest.of("large").text, bytes: 8 << 20)
            let refused = await #expect(throws: ClientError.self) { try await bench.call(.beginBlob, blob) }
            #expect(refused?.answer?.code == .diskFull && refused?.answer?.retryAfter == 5)
            #expect(refused?.answer?.message.contains("free some space there") == true)
            // What runs goes on: small results are taken.
            _ = try await one.upload("small")
            #expect(try await one.heartbeat(running.token) == .fine)
            #expect(try await one.report(running.token, .finished(FinishReport(streamPosition: 0))) == .accepted)

            // Just above the mark nothing flutters; well above it the poll that waits gets its job.
            disk.set(600 << 20)
            let waiting = Task { try await one.exchange(free: 1, wait: 30).grants.count }
            try await eventually(true) { try await notice()?.contains("600 MiB free; no jobs") == true }
            disk.set(50 << 30)
            #expect(try await waiting.value == 1)
            try await eventually(nil) { try await notice() }
            #expect(try await bench.call(.beginBlob, blob).state == .open)
        }
    }
}
