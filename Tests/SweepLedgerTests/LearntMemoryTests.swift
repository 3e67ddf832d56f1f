import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Memory learnt from earlier runs")
struct LearntMemoryTests {
    private static func job(_ name: String, lr: Double, dim: Double = 8) throws -> ResolvedJob {
        var job = try LedgerBench.job(name)
        job.trainer = .command(CommandTrainer(command: ["train", "{lr}", "{dim}"]))
        let values: [String: ParameterValue] = ["lr": .number(lr), "dim": .number(dim)]
        (job.given, job.parameters) = (values, values)
        return job
    }

    private func launch(_ bench: LedgerBench, _ jobs: [ResolvedJob]) async throws -> [JobChange] {
        try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "\(jobs.map(\.id))", name: try #require(SweepName("bench")),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: try jobs.map { try LaunchJob($0) }, now: bench.now)
        ).changes
    }

    private func register(_ bench: LedgerBench, _ memory: UInt64) async throws {
        var record = WorkerRecord(
            worker: WorkerID("one"), name: "one", session: SessionID(rawValue: "ones"), slots: 1, threads: 1,
            version: "test")
        record.gpuDevices = [GPUDevice(index: "0", uuid: "GPU-0", name: "card", memory: memory)]
        _ = try await bench.ledger.writer.perform(
            RegisterWorker(worker: record, ledgerID: bench.ledger.id, now: bench.now))
    }

    @Test("what one used is what others of its kind are expected to use, those that wait and those to come")
    func done() async throws {
        let bench = try LedgerBench()
        try await register(bench, 24_000_000_000)
        let changes = try await launch(
            bench, [Self.job("a", lr: 1), Self.job("b", lr: 2), Self.job("c", lr: 1, dim: 64)])
        let token = try await bench.claim("one", changes[0].row).token
        _ = try await bench.metrics(token, first: 1, [1, 2, 3], [9000, 13_000, 12_000], key: "system/gpu_memory_mb")
        let ended = try await bench.exchange("one", [Report(token: token, .finished(position: 3))])
        let learnt = ended.changes.filter { $0.state == .waiting }
        #expect(learnt.map(\.job) == [JobID(.of("b"))], "another dim needs another memory")
        #expect(learnt.first?.needs.expectedGPUMemory == 13_000_000_000)
        let later = try await launch(bench, [Self.job("d", lr: 3)])
        #expect(later.map(\.needs.expectedGPUMemory) == [13_000_000_000])
        // The worker, which chooses the GPU, is told.
        let claimed = try await bench.claim("one", later[0].row)
        let job = try JSONDecoder().decode(ResolvedJob.self, from: Data(claimed.spec.utf8))
        #expect(job.needs.expectedGPUMemory == 13_000_000_000 && job.id == JobID(.of("d")))
    }

    @Test("one that ran out of memory wants more than it had, and its kind too")
    func ranOut() async throws {
        let bench = try LedgerBench()
        try await register(bench, 12_000_000_000)
        let changes = try await launch(bench, [Self.job("a", lr: 1), Self.job("b", lr: 2)])
        let token = try await bench.claim("one", changes[0].row).token
        let oom = Report.Body.failed(FailureReport(failure: .oom, message: "CUDA out of memory", exitCode: 1))
        let ended = try await bench.exchange("one", [Report(token: token, oom)])
        #expect(Set(ended.changes.compactMap(\.needs.expectedGPUMemory)) == [12_000_000_001])
        #expect(Set(ended.changes.map(\.job)) == [JobID(.of("a")), JobID(.of("b"))])
    }

    @Test("a GPU that holds it comes first, and one that does not is better than none")
    func picked() {
        let devices = [12, 24, 16].enumerated().map { position, size in
            GPUDevice(index: "\(position)", uuid: "GPU-\(position)", memory: UInt64(size) * 1_000_000_000)
        }
        let offer = WorkerOffer(labels: [:], devices: devices, slots: 3)
        var needs = RequirementSpec()
        #expect(WorkerCapacity(slots: 3, gpus: [0, 1, 2]).pick(needs, of: offer) == [0], "the smallest")
        needs.expectedGPUMemory = 13_000_000_000
        #expect(WorkerCapacity(slots: 3, gpus: [0, 1, 2]).pick(needs, of: offer) == [2])
        #expect(WorkerCapacity(slots: 3, gpus: [0]).pick(needs, of: offer) == [0])
        #expect(offer.holdsExpected(needs))
        needs.expectedGPUMemory = 40_000_000_000
        #expect(!offer.holdsExpected(needs) && offer.meets(needs))
    }
}
