import Foundation
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Decisions that a job has trained enough")
struct StopDecisionTests {
    private func launch(_ bench: LedgerBench, metric: String = "loss") async throws -> Int64 {
        var job = try LedgerBench.job("a")
        job.stopRule = StopRule(metric: metric, better: metric == "loss" ? .lower : .higher, patience: 2)
        let outcome = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "d", name: try #require(SweepName("bench")), fileDigest: "d",
                bundle: "{}", priority: 0, configurations: 1, checkpoints: 1, jobs: [try LaunchJob(job)],
                now: bench.now))
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        return try #require(outcome.changes.first?.row)
    }

    @Test("a curve decides once, at the same step whatever pieces it comes in, and over the attempts' splice")
    func curve() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench)
        let first = try await bench.claim("one", row)
        #expect(!first.isEnough)
        #expect(try await bench.metrics(first.token, first: 1, [1, 2], [3, 1]) == .stored(next: 3))
        #expect(try await bench.report("one", first.token, try await bench.checkpoint(step: 2)) == .accepted)
        // It is lost after step 4, which another goes on before.
        #expect(try await bench.metrics(first.token, first: 3, [3], [2]) == .stored(next: 4))
        _ = try await bench.expire(first.token)
        let second = try await bench.claim("two", row)
        #expect(second.resume?.step == 2 && !second.isEnough)
        #expect(try await bench.metrics(first.token, first: 4, [4], [2]) == .superseded)
        #expect(try await bench.metrics(second.token, first: 1, [3], [2]) == .stored(next: 2))
        #expect(
            try await bench.metrics(second.token, first: 2, [4, 5], [2, 0]) == .stored(next: 4, enough: second.token))
        #expect(try await bench.metrics(second.token, first: 4, [6], [2]) == .stored(next: 5), "it is decided")
        #expect(try bench.query("SELECT attempt, step FROM stop_decision") == [[.integer(2), .integer(4)]])
        let snapshot = try await bench.ledger.snapshot(at: bench.now)
        #expect(snapshot.open.map(\.isEnough) == [true], "a coordinator that starts anew says it again")
        _ = try await bench.expire(second.token)
        let third = try await bench.claim("one", row)
        #expect(third.isEnough && third.trained.map(\.step) == [2])
        #expect(try await bench.report("one", third.token, .finished(position: 0)) == .accepted)
        #expect(
            try bench.query("SELECT step, final FROM checkpoints WHERE kind = 'adapter'") == [
                [.integer(2), .integer(1)]
            ])
    }

    @Test("evaluations decide too")
    func evaluations() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench, metric: "paired_fidelity@holdout")
        let token = try await bench.claim("one", row).token
        func rows(_ step: Int, _ value: Double) -> [EvaluationRow] {
            [
                EvaluationRow(
                    checkpoint: "c\(step)", epoch: 0, step: step, class: "", prompts: "holdout",
                    metric: "paired_fidelity", value: value, n: 3)
            ]
        }
        var enough: [[AttemptToken]] = []
        for (step, value) in [(1, 0.5), (2, 0.4), (3, 0.45)] {
            let report = Report(token: token, .evaluations(EvaluationReport(rows: rows(step, value), completed: [])))
            enough.append(try await bench.exchange("one", [report]).enough)
        }
        #expect(enough == [[], [], [token]])
    }
}
