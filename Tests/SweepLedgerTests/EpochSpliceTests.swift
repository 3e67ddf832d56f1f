import Foundation
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Curves over epochs")
struct EpochSpliceTests {
    private func launch(_ bench: LedgerBench) async throws -> Int64 {
        var job = try LedgerBench.job("a")
        job.trainer = .command(
            CommandTrainer(command: ["t"], metrics: [CommandTrainer.MetricSource(kind: .tfevents, path: "{out}/logs")]))
        let outcome = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "d", name: try #require(SweepName("bench")), fileDigest: "d",
                bundle: "{}", priority: 0, configurations: 1, checkpoints: 1, jobs: [try LaunchJob(job)],
                now: bench.now))
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        return try #require(outcome.changes.first?.row)
    }

    private func curve(_ bench: LedgerBench, _ key: String) throws -> [[QueryValue]] {
        try bench.query("SELECT attempt, step, value FROM metrics WHERE key = '\(key)' ORDER BY step")
    }

    @Test("both go on after a resume: TAG by its steps, TAG/epoch by its epochs; a start anew hides all before")
    func resumed() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench)
        let tag = "loss/epoch_average"
        let first = try await bench.claim("one", row).token
        _ = try await bench.metrics(first, first: 1, [10, 20, 30], [3, 2, 1], key: tag)
        _ = try await bench.metrics(first, first: 4, [1, 2, 3], [3, 2, 1], key: tag + "/epoch")
        // The state after epoch 2, step 20; epoch 3 is done again.
        #expect(try await bench.report("one", first, try await bench.checkpoint(step: 20)) == .accepted)
        _ = try await bench.expire(first)
        let second = try await bench.claim("two", row)
        #expect(second.resume?.epoch == 2)
        _ = try await bench.metrics(second.token, first: 1, [30, 40], [1.5, 0.5], key: tag)
        _ = try await bench.metrics(second.token, first: 3, [3, 4], [1.5, 0.5], key: tag + "/epoch")
        func wanted(_ steps: [Int64]) -> [[QueryValue]] {
            zip([1, 1, 2, 2], zip(steps, [3, 2, 1.5, 0.5])).map { [.integer($0), .integer($1.0), .real($1.1)] }
        }
        #expect(try curve(bench, tag) == wanted([10, 20, 30, 40]))
        #expect(try curve(bench, tag + "/epoch") == wanted([1, 2, 3, 4]))
        #expect(
            try bench.query("SELECT step, value FROM latest_metrics WHERE key = '\(tag)/epoch'") == [
                [.integer(4), .real(0.5)]
            ])
    }

    @Test("a metric that is only called so keeps its steps")
    func others() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench)
        let first = try await bench.claim("one", row).token
        _ = try await bench.metrics(first, first: 1, [10, 20, 30], [3, 2, 1], key: "val/epoch")
        #expect(try await bench.report("one", first, try await bench.checkpoint(step: 20)) == .accepted)
        _ = try await bench.expire(first)
        let second = try await bench.claim("two", row).token
        _ = try await bench.metrics(second, first: 1, [30], [1.5], key: "val/epoch")
        #expect(
            try curve(bench, "val/epoch") == [
                [.integer(1), .integer(10), .real(3)], [.integer(1), .integer(20), .real(2)],
                [.integer(2), .integer(30), .real(1.5)],
            ])
    }
}
