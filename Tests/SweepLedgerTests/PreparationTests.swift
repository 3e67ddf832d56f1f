import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Jobs that others wait for")
struct PreparationTests {
    private static func job(
        _ name: String, lr: Double, scope: CommandTrainer.PrepareRule.Scope = .host, sweep: String = "bench"
    ) throws -> ResolvedJob {
        let rule = CommandTrainer.PrepareRule(
            name: "latents", command: ["cache", "{size}", "{prepared}"], scope: scope)
        let given: [String: ParameterValue] = ["lr": .number(lr), "size": 512]
        return ResolvedJob(
            id: JobID(.of(name)), configuration: ConfigurationID(.of("configuration \(lr)")),
            sweep: try #require(SweepName(sweep)), group: "g",
            trainer: .command(CommandTrainer(command: ["train", "{lr}", "{prepare.latents}"], prepare: [rule])),
            given: given, parameters: given, seed: 1)
    }

    private func launch(_ bench: LedgerBench, _ jobs: [ResolvedJob], sweep: String = "bench") async throws
        -> LaunchSweep.Outcome
    {
        try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "\(jobs.map(\.id))", name: try #require(SweepName(sweep)),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: try jobs.map { try LaunchJob($0) }, now: bench.now))
    }

    private func wait(_ bench: LedgerBench, _ name: String) async throws -> Preparing? {
        try await bench.ledger.job(JobID(.of(name)).text).wait?.preparation
    }

    @Test("equal inputs make one job of the kind prepare; nobody gets those that wait for it before it is done")
    func gate() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let jobs = [try Self.job("a", lr: 1), try Self.job("b", lr: 2)]
        let outcome = try await launch(bench, jobs)
        #expect(outcome.jobs == 3 && outcome.added == 3)
        #expect(outcome.changes.map(\.isHeld) == [false, true, true])
        let made = try jobs.map { try #require(try $0.preparations().first).job }
        #expect(made[0].id == made[1].id && made[0].given == ["size": 512] && made[0].kind == .prepare)
        #expect(outcome.changes[0].job == made[0].id && outcome.changes[0].needs.coreVersion == "5.1")
        #expect(
            try bench.query("SELECT kind, count(*) FROM jobs GROUP BY 1 ORDER BY 1") == [
                [.text("prepare"), .integer(1)], [.text("train"), .integer(2)],
            ])
        #expect(try bench.query("SELECT count(*) FROM members") == [[.integer(2)]], "only what trains is compared")
        // A coordinator that offers it all the same is refused by the ledger itself.
        let refused = try await bench.exchange("one", claim: [outcome.changes[1].row])
        #expect(refused.claims.isEmpty)
        #expect(try await bench.ledger.snapshot(at: bench.now).waiting.map(\.job) == [made[0].id])
        #expect(try await wait(bench, "a")?.state == "waiting")

        let counted = try #require(try await bench.ledger.sweeps().first)
        #expect(counted.states == ["waiting": 2] && counted.preparations == ["waiting": 1] && counted.jobs == 2)

        let token = try await bench.claim("one", outcome.changes[0].row).token
        #expect(try await wait(bench, "a") == Preparing(job: made[0].id.text, name: "latents", state: "running"))
        let done = try await bench.exchange("one", [Report(token: token, .finished(position: 0))])
        let freed = done.changes.filter { !$0.isHeld && $0.state == .waiting }.map(\.job)
        #expect(freed == jobs.map(\.id))
        let after = try #require(try await bench.ledger.sweeps().first)
        #expect(after.states == ["waiting": 2] && after.preparations == ["done": 1] && after.evaluations == nil)
        #expect(try await wait(bench, "a") == nil)
        #expect(try await bench.claim("one", outcome.changes[1].row).prepared.isEmpty, "it was made for one host")
    }

    @Test("one that failed is said at those that wait; mended, it lets them go; another sweep shares what is done")
    func failure() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let outcome = try await launch(bench, [try Self.job("a", lr: 1)])
        let row = outcome.changes[0].row
        let token = try await bench.claim("one", row).token
        let failure = Report.Body.failed(FailureReport(failure: .badConfig, message: "no such image", exitCode: 2))
        #expect(try await bench.report("one", token, failure) == .accepted)
        let waits = try #require(try await wait(bench, "a"))
        #expect(waits.state == "failed" && waits.failure == "bad-config" && waits.message == "no such image")
        let resume = ChangeJobs(
            action: .resume, target: waits.job, failure: nil, ledgerID: bench.ledger.id, now: bench.now)
        #expect(try await bench.ledger.writer.perform(resume).changes.map(\.state) == [.waiting])
        let again = try await bench.claim("one", row).token
        #expect(try await bench.report("one", again, .finished(position: 0)) == .accepted)
        let second = try await launch(bench, [try Self.job("c", lr: 3, sweep: "other")], sweep: "other")
        #expect(second.changes.map(\.isHeld) == [false], "what it needs is there already")
        #expect(second.jobs == 2 && second.shared == 1)
        let rerun = BranchJob(.rerun(["size": 768]), of: JobID(.of("a")).text, now: bench.now)
        let branch = try await bench.ledger.writer.perform(rerun)
        #expect(branch.changes.map(\.isHeld) == [false, true], "another size needs another preparation")
    }

    @Test("what was made for all machines goes with the grant, again after a restart")
    func fleet() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let outcome = try await launch(bench, [try Self.job("a", lr: 1, scope: .fleet)])
        let token = try await bench.claim("one", outcome.changes[0].row).token
        let sha256 = try await bench.blob("latents")
        let files = [CheckpointManifest.File(name: "result/prepared/a.npz", kind: .adapter, bytes: 7, sha256: sha256)]
        let report = Report.Body.checkpoint(
            name: "final-result", manifest: CheckpointManifest(step: 0, epoch: 0, final: true, files: files),
            position: 0)
        #expect(try await bench.report("one", token, report) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        let wanted = PreparedFiles(
            job: outcome.changes[0].job.text,
            files: [BlobFile(name: "result/prepared/a.npz", sha256: sha256, bytes: 7)])
        let first = try await bench.claim("one", outcome.changes[1].row)
        #expect(first.prepared == [wanted])
        _ = try await bench.expire(first.token)
        try bench.reopen()
        _ = try await bench.register("two")
        #expect(try await bench.claim("two", outcome.changes[1].row).prepared == [wanted])
    }
}

@Suite("Falling back when memory runs out")
struct MemoryFallbackTests {
    private func launch(_ bench: LedgerBench, _ settings: [String: String]) async throws -> Int64 {
        var job = try LedgerBench.job("a")
        let values: [String: ParameterValue] = ["batch": 4, "grad_accumulation": 1]
        (job.given, job.parameters) = (values, values)
        job.onOOM = OutOfMemoryFallback(settings)
        let outcome = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: UUID().uuidString, digest: "d", name: try #require(SweepName("bench")), fileDigest: "d",
                bundle: "{}", priority: 0, configurations: 1, checkpoints: 1, jobs: [try LaunchJob(job)],
                now: bench.now))
        _ = try await bench.register("one")
        return try #require(outcome.changes.first?.row)
    }

    private func parameters(_ claim: ClaimedJob) throws -> [String: ParameterValue] {
        try JSONDecoder().decode(ResolvedJob.self, from: Data(claim.spec.utf8)).parameters
    }

    private let oom = Report.Body.failed(FailureReport(failure: .oom, message: "CUDA out of memory", exitCode: 1))

    @Test("each try has half the batch, from the beginning, until there is no half; then the usual policy holds")
    func way() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench, ["batch": "batch / 2", "grad_accumulation": "grad_accumulation * 2"])
        let first = try await bench.claim("one", row)
        #expect(try parameters(first) == ["batch": 4, "grad_accumulation": 1])
        #expect(try await bench.report("one", first.token, try await bench.checkpoint(step: 2)) == .accepted)
        let fell = try await bench.exchange("one", [Report(token: first.token, oom)])
        #expect(fell.changes.map(\.state) == [.waiting] && fell.changes[0].delaySeconds == 0 && fell.workers.isEmpty)
        let second = try await bench.claim("one", row)
        #expect(try parameters(second) == ["batch": 2, "grad_accumulation": 2])
        #expect(second.resume == nil, "the state of before is of another batch")
        #expect(second.token.job == first.token.job, "the way down is part of the id")
        #expect(try await bench.report("one", second.token, try await bench.checkpoint(step: 4)) == .accepted)
        _ = try await bench.expire(second.token)
        let third = try await bench.claim("one", row)
        #expect(third.resume?.step == 4 && third.trained.map(\.step) == [4])
        #expect(try await bench.report("one", third.token, oom) == .accepted)
        let summary = try await bench.ledger.job(JobID(.of("a")).text).detail
        #expect(summary.job.fallback == ["batch": 1, "grad_accumulation": 4])
        #expect(
            summary.events.filter { $0.kind == "oom-fallback" }.map(\.detail) == [
                "batch 4 to 2, grad_accumulation 1 to 2", "batch 2 to 1, grad_accumulation 2 to 4",
            ])
        #expect(
            try bench.query("SELECT fallback FROM jobs") == [[.text(#"{"batch":1,"grad_accumulation":4}"#)]])
        // 1 / 2 is no whole number: from here on it is tried as it is, as often as any other job.
        var states: [JobState] = []
        for _ in 0..<3 {
            let token = try await bench.claim("one", row).token
            states += try await bench.exchange("one", [Report(token: token, oom)]).changes.map(\.state)
        }
        #expect(states == [.waiting, .waiting, .failed])
    }

    @Test("other failures fall back to nothing, and what would change nothing is not tried for ever")
    func others() async throws {
        let bench = try LedgerBench()
        let row = try await launch(bench, ["batch": "batch * 1"])
        let token = try await bench.claim("one", row).token
        let crash = Report.Body.failed(FailureReport(failure: .crash, message: "typo", exitCode: 1))
        #expect(try await bench.report("one", token, crash) == .accepted)
        let second = try await bench.claim("one", row).token
        #expect(try await bench.report("one", second, oom) == .accepted)
        #expect(try bench.query("SELECT count(*) FROM oom_fallback") == [[.integer(0)]])
    }
}
