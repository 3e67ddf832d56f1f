import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// Launches that differ in how they measure, not in what they train.
@Suite("One training, several protocols")
struct ProtocolTests {
    private static func sweep(
        _ name: String = "bench", seeds: [Int] = [1], _ change: (inout SweepDefinition) -> Void = { _ in }
    ) throws -> SweepDefinition {
        var sweep = SweepDefinition(
            name: try #require(SweepName(name)), trainer: .core,
            base: InputReference(written: "b", digest: .of("base")),
            data: InputReference(written: "d", digest: .of("data")), seeds: seeds,
            checkpoints: CheckpointPlan(epochs: [1]), defaults: ["epochs": 2],
            evaluation: EvaluationSpec(prompts: [.train], images: 4),
            groups: [SweepGroup(name: "g", shape: .list([["algorithm": "lora", "dim": 2, "lr": 1e-3]]))])
        change(&sweep)
        return sweep
    }

    /// As a coordinator launches it.
    private func launch(_ sweep: SweepDefinition, _ bench: LedgerBench) async throws -> LaunchSweep.Outcome {
        let jobs = try sweep.resolvedJobs(try sweep.plan())
        var verb = LaunchSweep(
            key: UUID().uuidString, digest: "d", name: sweep.name, fileDigest: UUID().uuidString, bundle: "{}",
            priority: 0, configurations: 1, checkpoints: 2, jobs: try jobs.map { try LaunchJob($0) }, now: bench.now)
        verb.measuring = jobs.first.flatMap { $0.evaluation == nil ? nil : EvaluationProtocol($0) }
        return try await bench.ledger.writer.perform(verb)
    }

    /// Trains a job to its end, with adapters at two steps.
    private func train(_ row: Int64, _ bench: LedgerBench) async throws {
        let token = try await bench.claim("one", row).token
        for step in [10, 20] {
            #expect(
                try await bench.report("one", token, try await bench.checkpoint(step: step, final: step == 20))
                    == .accepted)
        }
        let own = figure(step: 20, prompts: "train", 0.5, images: 4)
        #expect(try await bench.report("one", token, .evaluations(rows: [own], completed: [])) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
    }

    private func figure(step: Int, prompts: String, _ value: Double, images: Int) -> EvaluationRow {
        EvaluationRow(
            checkpoint: AttemptFolder.checkpointName(step: step), epoch: step / 10, step: step, class: "",
            prompts: prompts, metric: "paired_fidelity", value: value, n: images,
            values: Array(repeating: value, count: images))
    }

    private static let kinds = "SELECT kind, state, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1, 2"

    @Test(
        "launches that differ only in prompts or encoders train once, and get their evaluations as jobs",
        arguments: ["prompts", "clip", "dinov2"], ["before", "after"])
    func evaluations(what: String, when: String) async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let row = try #require(try await launch(Self.sweep(), bench).changes.first?.row)
        if when == "after" { try await train(row, bench) }
        let other = try Self.sweep { sweep in
            switch what {
            case "prompts": sweep.evaluation?.prompts = [.train, .style]
            case "clip": sweep.encoders[.clip] = InputReference(written: "c", digest: .of("clip"))
            default: sweep.encoders[.dinov2] = InputReference(written: "e", digest: .of("dino"))
            }
        }
        let again = try await launch(other, bench)
        #expect(again.added == 0 && again.jobs == 1 + (when == "after" ? 2 : 0))
        if when == "before" {
            #expect(try bench.query(Self.kinds) == [[.text("train"), .text("waiting"), .integer(1)]])
            try await train(row, bench)
        }
        #expect(
            try bench.query(Self.kinds) == [
                [.text("evaluate"), .text("waiting"), .integer(2)], [.text("train"), .text("done"), .integer(1)],
            ], "one for each checkpoint")
        let spec = try await bench.claim("one", try rowOfEvaluation(bench)).spec
        let job = try JSONDecoder().decode(ResolvedJob.self, from: Data(spec.utf8))
        #expect(job.evaluation?.prompts == (what == "prompts" ? [.train, .style] : [.train]))
        #expect(job.encoders[what == "clip" ? .clip : .dinov2] != nil || what == "prompts")
        // Once more, and from another sweep: nothing is trained or measured again.
        #expect(try await launch(other, bench).changes.isEmpty)
        var shared = other
        shared.name = try #require(SweepName("other"))
        #expect(try await launch(shared, bench).changes.isEmpty)
        #expect(try bench.query("SELECT count(*) FROM jobs") == [[.integer(3)]])
        // And back: the training was measured so.
        #expect(try await launch(Self.sweep(), bench).changes.isEmpty)
    }

    private func rowOfEvaluation(_ bench: LedgerBench) throws -> Int64 {
        let rows = try bench.query("SELECT min(job) FROM evaluation_job")
        guard case .integer(let row) = rows.first?.first else { throw CancellationError() }
        return row
    }

    /// Lets the evaluation jobs of a launch measure one figure each.
    private func measure(_ changes: [JobChange], _ rows: [[EvaluationRow]], _ bench: LedgerBench) async throws {
        #expect(changes.count == rows.count)
        for (change, rows) in zip(changes, rows) {
            let token = try await bench.claim("one", change.row).token
            #expect(try await bench.report("one", token, .evaluations(rows: rows, completed: [])) == .accepted)
            #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        }
    }

    @Test("figures of pictures that are drawn otherwise take nobody's place: the newest file decides which are seen")
    func redrawn() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let row = try #require(try await launch(Self.sweep(), bench).changes.first?.row)
        try await train(row, bench)
        let own: [[QueryValue]] = [[.text("train"), .real(0.5), .integer(4)]]
        let sweeps = try [9, 16].map { images in try Self.sweep { $0.evaluation?.images = images } }
        for (sweep, value) in zip(sweeps, [0.7, 0.8]) {
            let images = try #require(sweep.evaluation?.images)
            let changes = try await launch(sweep, bench).changes
            #expect(try seen(by: "bench", bench) == [], "nothing of another protocol, not even for a while")
            try await measure(
                changes, [10, 20].map { [figure(step: $0, prompts: "train", value, images: images)] }, bench)
            let redrawn: [[QueryValue]] = Array(
                repeating: [.text("train"), .real(value), .integer(Int64(images))], count: 2)
            #expect(try seen(by: "bench", bench) == redrawn)
            #expect(try bench.query("SELECT prompts, value, n FROM results") == own, "those of the training stand")
        }
        #expect(try await launch(sweeps[0], bench).changes.isEmpty)
        #expect(try seen(by: "bench", bench).map { $0[1] } == [.real(0.7), .real(0.7)], "what was asked for before")
        // More prompts of the training's own protocol stand beside its figures.
        let more = try await launch(Self.sweep { $0.evaluation?.prompts = [.train, .style] }, bench).changes
        let figures = [("train", 0.4), ("style", 0.3)].map { figure(step: 20, prompts: $0, $1, images: 4) }
        try await measure(more, [[], figures], bench)
        let both: [[QueryValue]] = [[.text("style"), .real(0.3), .integer(4)]] + own
        #expect(try seen(by: "bench", bench) == both)
        #expect(try bench.query("SELECT prompts, value, n FROM results ORDER BY 1") == both)
        #expect(try await launch(Self.sweep(), bench).changes.isEmpty)
        #expect(try seen(by: "bench", bench) == both)
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("pictures that are shown to encoders otherwise have figures of their own, and are measured by more alike")
    func shownOtherwise() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let row = try #require(try await launch(Self.sweep(), bench).changes.first?.row)
        try await train(row, bench)
        let padded = try await launch(Self.sweep { $0.evaluation?.fit = .pad }, bench).changes
        var vendi = figure(step: 20, prompts: "train", 0.9, images: 4)
        vendi.metric = "vendi"
        try await measure(padded, [[], [vendi]], bench)
        #expect(try seen(by: "bench", bench).map { $0[1] } == [.real(0.9)])
        #expect(try bench.query("SELECT value FROM results") == [[.real(0.5)]])
        // That metric is there by this protocol alone.
        func add() async throws -> Int {
            try await bench.ledger.writer.perform(
                EvaluateSweep(sweep: "bench", spec: Self.adding("vendi"), onlyFinal: true, now: bench.now)
            ).changes.count
        }
        #expect(try await add() == 0)
        _ = try await launch(Self.sweep { $0.evaluation?.fit = .resize }, bench)
        #expect(try await add() == 1)
    }

    /// What a sweep sees: prompts, value, images.
    private func seen(by sweep: String, _ bench: LedgerBench) throws -> [[QueryValue]] {
        try bench.query("SELECT prompts, value, n FROM sweep_results WHERE sweep = '\(sweep)' ORDER BY 1, 2")
    }

    @Test("sweeps that share a training and draw otherwise see each the figures of its own protocol")
    func apart() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let row = try #require(try await launch(Self.sweep(), bench).changes.first?.row)
        try await train(row, bench)
        let other = try Self.sweep("other") { $0.evaluation?.images = 9 }
        let third = try Self.sweep("third") { $0.evaluation?.images = 9 }
        let changes = try await launch(other, bench).changes
        #expect(changes.count == 2, "one for each checkpoint")
        #expect(try seen(by: "other", bench) == [], "nothing of another protocol, not even for a while")
        for (change, step) in zip(changes, [10, 20]) {
            let token = try await bench.claim("one", change.row).token
            let rows = [figure(step: step, prompts: "train", 0.7, images: 9)]
            #expect(try await bench.report("one", token, .evaluations(rows: rows, completed: [])) == .accepted)
            #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        }
        let (first, redrawn): ([[QueryValue]], [[QueryValue]]) = (
            [[.text("train"), .real(0.5), .integer(4)]],
            Array(repeating: [.text("train"), .real(0.7), .integer(9)], count: 2)
        )
        #expect(try seen(by: "bench", bench) == first)
        #expect(try seen(by: "other", bench) == redrawn)
        #expect(try bench.query("SELECT prompts, value, n FROM results") == first, "those of the training stand")
        #expect(
            try bench.query("SELECT count(*), round(avg(value), 9) FROM sweep_image_results WHERE sweep = 'other'")
                == [[.integer(18), .real(0.7)]])
        // A third sweep asks for what the second one has.
        #expect(try await launch(third, bench).changes.isEmpty)
        #expect(try seen(by: "third", bench) == redrawn)
        // What one adds later is drawn by its own protocol, and its alone.
        let added = try await bench.ledger.writer.perform(
            EvaluateSweep(sweep: "other", spec: Self.adding("vendi"), onlyFinal: true, now: bench.now))
        let spec = try await bench.claim("one", try #require(added.changes.first?.row)).spec
        let job = try JSONDecoder().decode(ResolvedJob.self, from: Data(spec.utf8))
        #expect(added.changes.count == 1 && job.evaluation?.images == 9 && job.evaluation?.metrics == ["vendi"])
        // Back to the protocol of the training.
        #expect(try await launch(Self.sweep("other"), bench).changes.isEmpty)
        #expect(try seen(by: "other", bench) == first)
        #expect(try await bench.ledger.check().findings == [])
    }

    private static func adding(_ metric: String) -> EvaluationSpec {
        var spec = EvaluationSpec.standard
        spec.metrics = [metric]
        return spec
    }

    @Test("a ledger that has a configuration by its former name goes on with it, also with more seeds")
    func former() async throws {
        let bench = try LedgerBench()
        let sweep = try Self.sweep(seeds: [1, 2])
        // As the program before launched it.
        let old = try #require(try sweep.plan().configurations.first?.former)
        var jobs = try Self.sweep(seeds: [1]).resolvedJobs(try Self.sweep(seeds: [1]).plan())
        jobs[0].former = nil
        jobs[0].id = old.job(seed: 1)
        jobs[0].configuration = old.configuration
        try await bench.launch(jobs)
        let outcome = try await launch(sweep, bench)
        #expect(outcome.added == 1 && outcome.jobs == 2)
        #expect(
            try bench.query("SELECT id FROM jobs ORDER BY seed")
                == [[.text(old.job(seed: 1).text)], [.text(old.job(seed: 2).text)]])
        #expect(try bench.query("SELECT count(*) FROM configuration") == [[.integer(1)]])
        // What is stored for its worker names it alike.
        _ = try await bench.register("one")
        let claimed = try await bench.claim("one", try #require(outcome.changes.first?.row))
        let stored = try JSONDecoder().decode(ResolvedJob.self, from: Data(claimed.spec.utf8))
        #expect(stored.id == old.job(seed: 2) && claimed.token.job == stored.id)
        #expect(stored.configuration == old.configuration)
        // A file that measures otherwise is another configuration there, by the new rule.
        let other = try Self.sweep { $0.evaluation?.images = 9 }
        _ = try await launch(other, bench)
        let new = try #require(try other.plan().jobs.first).id
        #expect(try bench.query("SELECT count(*) FROM jobs WHERE id = '\(new.text)'") == [[.integer(1)]])
    }
}
