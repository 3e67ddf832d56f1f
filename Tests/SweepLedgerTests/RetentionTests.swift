import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Which checkpoints stay")
struct RetentionTests {
    /// A job that was launched with a policy, and its token.
    private func claimed(_ bench: LedgerBench, _ policy: RetentionPolicy) async throws -> (Int64, AttemptToken) {
        var job = try LedgerBench.job("a")
        job.retention = policy
        let launched = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: SystemRandom().hexadecimal(bytes: 16), digest: "d", name: try #require(SweepName("bench")),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: [try LaunchJob(job)], now: bench.now))
        let row = try #require(launched.changes.first?.row)
        _ = try await bench.register("one")
        return (row, try await bench.claim("one", row).token)
    }

    private func evaluation(_ step: Int, _ value: Double, _ metric: String = "image_similarity") -> EvaluationRow {
        EvaluationRow(
            checkpoint: AttemptFolder.checkpointName(step: step), epoch: 0, step: step, class: "", prompts: "trigger",
            metric: metric, value: value, n: 1)
    }

    private func thin(_ bench: LedgerBench) async throws -> ThinCheckpoints.Outcome {
        try await bench.ledger.writer.perform(ThinCheckpoints(now: bench.now))
    }

    private func kept(_ bench: LedgerBench, _ kind: String) throws -> [Int] {
        try bench.query("SELECT step FROM checkpoints WHERE kind = '\(kind)' ORDER BY step").compactMap {
            if case .integer(let step) = $0[0] { Int(step) } else { nil }
        }
    }

    @Test("the best by a metric, the newest states and the final one stay; the rest's blobs are collected")
    func best() async throws {
        let bench = try LedgerBench()
        let (_, token) = try await claimed(
            bench, RetentionPolicy(best: .init(metric: "image_similarity", count: 2), last: 1))
        for (step, value) in [(10, 0.3), (20, 0.9), (30, 0.5), (40, 0.8), (50, 0.1)] {
            let checkpoint = try await bench.checkpoint(step: step, final: step == 50)
            #expect(try await bench.report("one", token, checkpoint) == .accepted)
            #expect(
                try await bench.report("one", token, .evaluations(rows: [evaluation(step, value)], completed: []))
                    == .accepted)
        }
        // While the job runs its deliverables stay: another attempt may have to evaluate them.
        #expect(try await thin(bench) == ThinCheckpoints.Outcome())
        #expect(try kept(bench, "adapter") == [10, 20, 30, 40, 50])
        #expect(try kept(bench, "state") == [50])
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        #expect(try await thin(bench) == ThinCheckpoints.Outcome(jobs: 1, files: 2, bytes: 20))
        #expect(try kept(bench, "adapter") == [20, 40, 50])
        #expect(try kept(bench, "state") == [50])
        #expect(try await thin(bench) == ThinCheckpoints.Outcome())
        // Grace over: two adapters and four states go, four files stay.
        let later = WallTime(milliseconds: bench.now.milliseconds + AddBlobs.graceMilliseconds + 1)
        #expect(try await bench.ledger.collect(now: bench.now).blobs == 0)
        #expect(try await bench.ledger.collect(now: later).blobs == 6)
        #expect(try bench.query("SELECT count(*) FROM blob") == [[.integer(4)]])
        #expect(try await bench.ledger.check().findings == [])
        #expect(try bench.query("SELECT count(*) FROM results") == [[.integer(5)]], "what was measured stays")
    }

    @Test("a metric that was never measured takes nothing away; a curve stands in for an evaluation")
    func curves() async throws {
        for (metric, expected) in [("never", [10, 20, 30]), ("val_loss", [20, 30])] {
            let bench = try LedgerBench()
            let (_, token) = try await claimed(bench, RetentionPolicy(best: .init(metric: metric, count: 1)))
            _ = try await bench.metrics(token, first: 1, [10, 20, 30], [3, 1, 2], key: "val_loss")
            for step in [10, 20, 30] {
                _ = try await bench.report("one", token, try await bench.checkpoint(step: step, final: step == 30))
            }
            #expect(try await bench.report("one", token, .finished(position: 3)) == .accepted)
            _ = try await thin(bench)
            #expect(try kept(bench, "adapter") == expected, "\(metric)")
        }
    }

    @Test("a budget in bytes takes old states at once, deliverables when the job is done; the only state stays")
    func bytes() async throws {
        let bench = try LedgerBench()
        let (row, token) = try await claimed(bench, RetentionPolicy(last: 3, bytes: 35))
        for step in [10, 20, 30] {
            let checkpoint = try await bench.checkpoint(step: step, final: step == 30)
            #expect(try await bench.report("one", token, checkpoint) == .accepted)
        }
        #expect(try kept(bench, "state") == [30] && (try kept(bench, "adapter")) == [10, 20, 30])
        // The job can still go on from there.
        _ = try await bench.expire(token)
        _ = try await bench.register("two")
        let second = try await bench.claim("two", row)
        #expect(second.resume?.step == 30)
        #expect(try await bench.report("two", second.token, .finished(position: 0)) == .accepted)
        _ = try await thin(bench)
        #expect(try kept(bench, "state") == [30] && (try kept(bench, "adapter")) == [20, 30])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("what a later attempt trained anew is not kept twice")
    func hidden() async throws {
        let bench = try LedgerBench()
        let (row, token) = try await claimed(bench, RetentionPolicy())
        for step in [10, 20] { _ = try await bench.report("one", token, try await bench.checkpoint(step: step)) }
        // The state of step 20 is lost with its row: the next attempt goes on from step 10.
        let plain = Report.Body.checkpoint(
            name: AttemptFolder.checkpointName(step: 20),
            manifest: CheckpointManifest(
                step: 20, epoch: 2, final: false,
                files: [
                    .init(
                        name: "adapter.safetensors", kind: .adapter, bytes: 10,
                        sha256: try await bench.blob("adapter state 20"))
                ]), position: 0)
        #expect(try await bench.report("one", token, plain) == .accepted)
        _ = try await bench.expire(token)
        _ = try await bench.register("two")
        let second = try await bench.claim("two", row)
        #expect(second.resume?.step == 10)
        _ = try await bench.report(
            "two", second.token, try await bench.checkpoint(step: 20, final: true, content: "anew"))
        #expect(try await bench.report("two", second.token, .finished(position: 0)) == .accepted)
        #expect(try await thin(bench).files == 1)
        #expect(try kept(bench, "adapter") == [10, 20])
        #expect(try bench.query("SELECT count(*) FROM checkpoint_file") == [[.integer(4)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("never the only resumable state less: 100,000 random histories")
    func histories() {
        var random = RandomHistory(seed: 20_260_101)
        for round in 0..<100_000 {
            let checkpoints = random.checkpoints()
            let policy = random.policy()
            let isDone = random.next(2) == 0
            let decision = RetentionDecision(policy, checkpoints, isDone: isDone)
            let states = checkpoints.filter { $0.state != nil }
            let newest = states.max { ($0.step, $0.id) < ($1.step, $1.id) }
            let keptStates = states.filter { !decision.droppedStates.contains($0.id) }
            let text: Comment = "round \(round): \(policy), done \(isDone), \(checkpoints)"
            if let newest { #expect(keptStates.contains { $0.id == newest.id }, text) }
            #expect(keptStates.count <= max(1, policy.last ?? RetentionDecision.usualStates), text)
            let dropped = checkpoints.filter { decision.droppedDeliverables.contains($0.id) }
            #expect(!dropped.contains { $0.isFinal || $0.deliverable == nil }, text)
            if !isDone || (policy.best == nil && policy.bytes == nil) { #expect(dropped.isEmpty, text) }
            if let best = policy.best, policy.bytes == nil, isDone {
                let measured = checkpoints.filter { $0.deliverable != nil && !$0.isFinal && $0.value != nil }
                let keptValues = measured.filter { !decision.droppedDeliverables.contains($0.id) }.compactMap(\.value)
                let goneValues = measured.filter { decision.droppedDeliverables.contains($0.id) }.compactMap(\.value)
                // `score` should grow: nothing that went is better than anything that stays.
                if let worst = keptValues.min(), let top = goneValues.max() { #expect(worst >= top, text) }
                if !measured.isEmpty { #expect(keptValues.count == min(best.count, measured.count), text) }
            }
            if let most = policy.bytes, isDone {
                let bytes = checkpoints.reduce(0) { sum, one in
                    sum + (decision.droppedDeliverables.contains(one.id) ? 0 : one.deliverable ?? 0)
                        + (decision.droppedStates.contains(one.id) ? 0 : one.state ?? 0)
                }
                let least = checkpoints.reduce(newest?.state ?? 0) { $0 + ($1.isFinal ? $1.deliverable ?? 0 : 0) }
                #expect(bytes <= max(most, least), text)
            }
        }
    }
}

/// Checkpoints and policies from a seed (SplitMix64).
private struct RandomHistory {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ (value >> 31)) % UInt64(bound))
    }

    mutating func checkpoints() -> [RetentionDecision.Candidate] {
        let count = next(9)
        return (0..<count).map { index in
            let isFinal = index == count - 1 && next(2) == 0
            return RetentionDecision.Candidate(
                id: Int64(index + 1), step: next(5) * 10, isFinal: isFinal,
                deliverable: next(4) == 0 ? nil : next(100), state: next(2) == 0 ? nil : next(100),
                value: next(3) == 0 ? nil : Double(next(10)))
        }
    }

    mutating func policy() -> RetentionPolicy {
        RetentionPolicy(
            best: next(2) == 0 ? nil : .init(metric: "score", count: 1 + next(4)),
            last: next(2) == 0 ? nil : 1 + next(3), bytes: next(2) == 0 ? nil : next(300))
    }
}
