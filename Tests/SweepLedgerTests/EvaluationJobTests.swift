import Foundation
import Ports
import RunSpec
import SweepAnalysis
import SweepLedger
import SweepModel
import Testing

@Suite("Evaluations as jobs")
struct EvaluationJobTests {
    private static let vendi = {
        var spec = EvaluationSpec.standard
        spec.metrics = ["vendi"]
        return spec
    }()

    /// A job that is done, with an adapter at steps 10 and 20.
    private func trained(_ bench: LedgerBench, _ name: String = "a") async throws -> (row: Int64, token: AttemptToken) {
        let row = try #require(try await bench.launch([name]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        for step in [10, 20] {
            let checkpoint = try await bench.checkpoint(step: step, final: step == 20, content: name)
            #expect(try await bench.report("one", token, checkpoint) == .accepted)
        }
        #expect(
            try await bench.report("one", token, .evaluations(rows: [measured("paired_fidelity", 0.5)], completed: []))
                == .accepted)
        return (row, token)
    }

    private func measured(
        _ metric: String, _ value: Double, step: Int = 20, values: [Double?]? = nil, notes: [String?]? = nil
    ) -> EvaluationRow {
        EvaluationRow(
            checkpoint: AttemptFolder.checkpointName(step: step), epoch: step / 10, step: step, class: "",
            prompts: "train", metric: metric, value: value, n: 2, values: values, notes: notes)
    }

    private func evaluate(
        _ bench: LedgerBench, _ spec: EvaluationSpec = vendi, onlyFinal: Bool = true
    ) async throws -> EvaluateSweep.Outcome {
        try await bench.ledger.writer.perform(
            EvaluateSweep(sweep: "bench", spec: spec, onlyFinal: onlyFinal, now: bench.now))
    }

    @Test("what is done gets its evaluation at once, what is not when it is; asking again adds none")
    func planned() async throws {
        let bench = try LedgerBench()
        // `Evaluator` draws with a base and data; only a job that has them can be drawn with.
        let (row, token) = try await trained(bench)
        #expect(try await evaluate(bench).changes.isEmpty)
        _ = row
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        // Without base and data nothing can be drawn, and no metric of the core be had.
        #expect(try await evaluate(bench).changes.isEmpty)
        #expect(try bench.query("SELECT kind, state FROM jobs") == [[.text("train"), .text("done")]])
    }

    private static func withInputs(_ name: String) throws -> ResolvedJob {
        var job = try LedgerBench.job(name)
        job.base = ResolvedInput(path: "/base", digest: .of("base"))
        job.data = ResolvedInput(path: "/data", digest: .of("data"))
        return job
    }

    private func launch(_ bench: LedgerBench, _ names: [String], wish: EvaluationSpec? = nil) async throws -> [Int64] {
        var verb = LaunchSweep(
            key: UUID().uuidString, digest: names.joined(), name: try #require(SweepName("bench")), fileDigest: "d",
            bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
            jobs: try names.map { try LaunchJob(Self.withInputs($0)) }, now: bench.now)
        verb.external = wish
        return try await bench.ledger.writer.perform(verb).changes.map(\.row)
    }

    private func train(_ bench: LedgerBench, _ row: Int64, content: String) async throws {
        let token = try await bench.claim("one", row).token
        for step in [10, 20] {
            let checkpoint = try await bench.checkpoint(step: step, final: step == 20, content: content)
            #expect(try await bench.report("one", token, checkpoint) == .accepted)
        }
        let rows = [measured("paired_fidelity", 0.5), measured("vendi", 3, step: 10)]
        #expect(try await bench.report("one", token, .evaluations(rows: rows, completed: [])) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
    }

    @Test("results of an evaluation are its trained job's, and training stays done")
    func results() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let rows = try await launch(bench, ["a", "b"])
        try await train(bench, rows[0], content: "a")
        let first = try await evaluate(bench)
        #expect(first.looked == 1 && first.changes.count == 1)
        #expect(try await evaluate(bench).changes.isEmpty, "the same evaluation is there already")
        // The other one is measured when it is done, in the transaction that makes it so.
        try await train(bench, rows[1], content: "b")
        #expect(
            try bench.query("SELECT kind, state, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1") == [
                [.text("evaluate"), .text("waiting"), .integer(2)], [.text("train"), .text("done"), .integer(2)],
            ])
        #expect(try bench.query("SELECT count(*) FROM members") == [[.integer(2)]], "only what trains is compared")

        let claimed = try await bench.claim("one", first.changes[0].row)
        let job = try JSONDecoder().decode(ResolvedJob.self, from: Data(claimed.spec.utf8))
        let subject = try #require(job.subject)
        #expect(job.kind == .evaluate && subject.job == JobID(.of("a")) && subject.checkpoint.step == 20)
        #expect(subject.checkpoint.files.map(\.name) == ["adapter.safetensors"])
        #expect(job.coreVersion == "4.1", "an older worker would train")
        let vendi = measured("vendi", 2, values: [1, 3], notes: [nil, "two"])
        let better = measured("paired_fidelity", 0.75)
        let report = Report.Body.evaluations(rows: [vendi, better], completed: [vendi.checkpoint])
        #expect(try await bench.report("one", claimed.token, report) == .accepted)
        #expect(try await bench.report("one", claimed.token, .finished(position: 0)) == .accepted)
        let id = JobID(.of("a")).text
        #expect(
            try bench.query(
                "SELECT metric, step, value FROM results WHERE job = '\(id)' ORDER BY metric, step") == [
                    // Without values of single images, the older row gives way.
                    [.text("paired_fidelity"), .integer(20), .real(0.75)], [.text("vendi"), .integer(10), .real(3)],
                    [.text("vendi"), .integer(20), .real(2)],
                ])
        #expect(
            try bench.query("SELECT image, value, note FROM image_results ORDER BY image") == [
                [.integer(0), .real(1), .null], [.integer(1), .real(3), .text("two")],
            ])
        #expect(
            try bench.query("SELECT count(*) FROM results WHERE job <> '\(id)' AND metric = 'vendi' AND step = 20")
                == [[.integer(0)]])
        #expect(
            try bench.query("SELECT subject = '\(id)' FROM jobs WHERE id = '\(job.id.text)'") == [[.integer(1)]])
    }

    @Test("what the file wants measured by a program is planned for every checkpoint, and found again by its id")
    func external() async throws {
        var wish = EvaluationSpec.standard
        wish.metrics = []
        wish.external = [ExternalMetric(name: "face", command: ["python3", "face.py"])]
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let rows = try await launch(bench, ["a"], wish: wish)
        try await train(bench, rows[0], content: "a")
        let specs = try bench.query("SELECT id FROM jobs WHERE kind = 'evaluate'")
        #expect(specs.count == 2)
        #expect(try await evaluate(bench, wish, onlyFinal: false).changes.isEmpty)
        wish.external?[0].version = "2"
        #expect(try await evaluate(bench, wish, onlyFinal: false).changes.count == 2, "another version measures anew")
    }

    @Test("the best is judged once more by other noise; its rows stand apart from the results")
    func confirmed() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        var job = try Self.withInputs("a")
        job.evaluation = EvaluationSpec(images: 3, holdout: 0.2)
        let launched = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "d", name: try #require(SweepName("bench")), fileDigest: "d",
                bundle: "{}", priority: 0, configurations: 1, checkpoints: 1, jobs: [try LaunchJob(job)],
                now: bench.now))
        #expect(try await bench.ledger.unconfirmedSweeps().isEmpty, "it is not at its end")
        try await train(bench, launched.changes[0].row, content: "a")
        #expect(
            try await bench.ledger.unconfirmedSweeps().map { [$0.name, "\($0.trained)", "\($0.isEvaluated)"] }
                == [["bench", "1", "true"]])
        let confirm = ConfirmChoice(
            sweep: "bench", trained: 1, configuration: "c",
            winners: [(JobID(.of("a")), AttemptFolder.checkpointName(step: 20))], now: bench.now)
        let changes = try await bench.ledger.writer.perform(confirm)
        #expect(changes.count == 1)
        #expect(try await bench.ledger.writer.perform(confirm).isEmpty)
        #expect(try await bench.ledger.unconfirmedSweeps().isEmpty)
        let claimed = try await bench.claim("one", changes[0].row)
        let evaluation = try JSONDecoder().decode(ResolvedJob.self, from: Data(claimed.spec.utf8))
        #expect(evaluation.evaluation?.fresh == EvaluationSpec.freshNoise && evaluation.evaluation?.holdout == 0.2)
        let rows = [measured("paired_fidelity", 0.25)]
        #expect(try await bench.report("one", claimed.token, .evaluations(rows: rows, completed: [])) == .accepted)
        #expect(try await bench.report("one", claimed.token, .finished(position: 0)) == .accepted)
        #expect(
            try bench.query("SELECT value FROM results WHERE metric = 'paired_fidelity'") == [[.real(0.5)]],
            "the choice was made by these")
        #expect(
            try bench.query("SELECT job = '\(JobID(.of("a")).text)', sweep, metric, value FROM confirmations") == [
                [.integer(1), .text("bench"), .text("paired_fidelity"), .real(0.25)]
            ])
        let asked = PublicQueries.confirmations(ofSweep: "bench").sql
        let shown = try bench.query(
            "SELECT job, checkpoint, epoch, step, class, prompts, metric, value, n FROM confirmations")
        #expect(try bench.query(asked) == shown)
        // A sweep may have a million jobs: not by way of its members.
        let plan = try bench.query("EXPLAIN QUERY PLAN \(asked)").map { "\($0)" }
        #expect(plan.contains { $0.contains(" c") } && !plan.contains { $0.contains("m USING PRIMARY KEY (sweep=?)") })
        #expect(try await bench.ledger.unconfirmedSweeps().isEmpty, "an evaluation is no new training")
    }

    @Test("a checkpoint that waits to be measured is not thinned")
    func retention() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let rows = try await launch(bench, ["a"])
        try await train(bench, rows[0], content: "a")
        let waiting = try await evaluate(bench).changes[0].row
        #expect(try await bench.ledger.writer.perform(ThinCheckpoints(now: bench.now)).jobs == 0)
        let token = try await bench.claim("one", waiting).token
        #expect(
            try await bench.report("one", token, .evaluations(rows: [measured("vendi", 1)], completed: [])) == .accepted
        )
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        #expect(try await bench.ledger.writer.perform(ThinCheckpoints(now: bench.now)).jobs == 2)
    }
}
