import Foundation
import GRDB
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Jobs made of others, in the ledger")
struct BranchJobTests {
    /// A job of the core with two states, done.
    private func finished(_ bench: LedgerBench, epochs: Int = 3) async throws -> JobID {
        var job = try LedgerBench.job("parent")
        job.parameters = try ParameterTable.resolve(["lr": 1e-4, "epochs": .number(Double(epochs))]).parameters
        job.given = ["lr": 1e-4, "epochs": .number(Double(epochs))]
        let launched = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: SystemRandom().hexadecimal(bytes: 16), digest: "d", name: try #require(SweepName("bench")),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: [try LaunchJob(job)], now: bench.now))
        _ = try await bench.register("one")
        let token = try await bench.claim("one", try #require(launched.changes.first?.row)).token
        for step in [10, 30] {
            _ = try await bench.metrics(token, first: UInt64(step == 10 ? 1 : 2), [Int64(step)], [1 / Double(step)])
            let report = try await bench.checkpoint(step: step, position: 0, final: step == 30)
            #expect(try await bench.report("one", token, report) == .accepted)
        }
        #expect(try await bench.report("one", token, .finished(position: 2)) == .accepted)
        return job.id
    }

    private func branch(_ bench: LedgerBench, _ wish: BranchJob.Wish, of job: JobID) async throws -> BranchJob.Outcome {
        try await bench.ledger.writer.perform(BranchJob(wish, of: job.text, now: bench.now))
    }

    @Test("an extension begins with its parent's newest state, and its curve with the step after it")
    func extend() async throws {
        let bench = try LedgerBench()
        let parent = try await finished(bench)
        let made = try await branch(bench, .extend(epochs: 5, checkpoints: []), of: parent)
        #expect(made.isNew && made.step == 30 && made.epoch == 3 && made.state == .waiting && made.sweep == "bench")
        let change = try #require(made.changes.first)
        #expect(change.needs.coreVersion == "4.1")
        let claimed = try await bench.claim("one", change.row)
        let state = ContentDigest.of("state 30").text
        #expect(claimed.resume?.step == 30 && claimed.resume?.files.map(\.sha256) == [state])
        #expect(claimed.trained.isEmpty && claimed.evaluated.isEmpty)
        _ = try await bench.metrics(claimed.token, first: 1, [30, 40], [9, 0.5])
        // A worker that dies before it saved anything: the next attempt begins there again.
        _ = try await bench.expire(claimed.token)
        let second = try await bench.claim("one", change.row)
        #expect(second.resume?.step == 30 && second.token.attempt.value == 2)
        _ = try await bench.metrics(second.token, first: 1, [40], [0.25])
        #expect(try await bench.report("one", second.token, try await bench.checkpoint(step: 50)) == .accepted)
        _ = try await bench.expire(second.token)
        let third = try await bench.claim("one", change.row)
        #expect(third.resume?.step == 50)
        let id = made.job.text
        #expect(
            try bench.query("SELECT step, value FROM metrics WHERE job = '\(id)' ORDER BY step") == [
                [.integer(30), .real(9)], [.integer(40), .real(0.25)],
            ])
        #expect(
            try bench.query("SELECT way, parent, epoch, step, changes FROM origins WHERE job = '\(id)'") == [
                [.text("extend"), .text(parent.text), .integer(3), .integer(30), .text(#"{"epochs":5}"#)]
            ])
        #expect(try await bench.ledger.check().findings == [])
        let detail = try await bench.ledger.job(id).detail
        #expect(
            detail.origin?.parent == parent.text && detail.job.parent == parent.text && detail.job.group == "extend")
        #expect(try await bench.ledger.job(parent.text).detail.children?.map(\.job) == [id])
    }

    @Test("the same wish twice is one job; the sweep counts it once, and its configuration")
    func idempotent() async throws {
        let bench = try LedgerBench()
        let parent = try await finished(bench)
        for wish in [BranchJob.Wish.extend(epochs: 5, checkpoints: [4]), .rerun(["lr": 2e-4])] {
            let first = try await branch(bench, wish, of: parent)
            let second = try await branch(bench, wish, of: parent)
            #expect(first.isNew && !second.isNew && first.job == second.job && second.changes.isEmpty)
        }
        #expect(try await branch(bench, .rerun(["lr": 2e-4, "seed": 5]), of: parent).isNew)
        let summary = try #require(try await bench.ledger.sweeps().first)
        #expect(summary.jobs == 4 && summary.states == ["done": 1, "waiting": 3] && summary.configurations == 3)
        // The extension keeps two, each of the others its last.
        #expect(summary.checkpoints == 1 + 2 + 1 + 1)
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("the state stays in the store for the child, whatever becomes of its parent's")
    func keepsState() async throws {
        let bench = try LedgerBench()
        let parent = try await finished(bench)
        let made = try await branch(bench, .extend(epochs: 5, checkpoints: []), of: parent)
        let state = ContentDigest.of("state 30").text
        _ = try await bench.ledger.writer.perform(
            PlainChange(sql: "DELETE FROM checkpoint_file WHERE kind = 'state'"))
        let later = WallTime(milliseconds: bench.now.milliseconds + 2 * AddBlobs.graceMilliseconds)
        let gone = try await bench.ledger.collect(now: later)
        #expect(gone.blobs == 1)  // that of step 10
        #expect(try bench.query("SELECT count(*) FROM blob WHERE sha256 = '\(state)'") == [[.integer(1)]])
        let row = try #require(made.changes.first?.row)
        #expect(try await bench.claim("one", row).resume?.files.map(\.sha256) == [state])
    }

    @Test("without a state, before its end and for fewer epochs it is refused, with the remedy")
    func refused() async throws {
        let bench = try LedgerBench()
        try await bench.launch(["running"])
        let running = JobID(.of("running"))
        let early = await #expect(throws: LedgerError.self) {
            try await branch(bench, .extend(epochs: 50, checkpoints: []), of: running)
        }
        #expect(early?.code == .conflict && early?.message.contains("when it has ended") == true)
        let parent = try await finished(bench)
        let few = await #expect(throws: LedgerError.self) {
            try await branch(bench, .extend(epochs: 3, checkpoints: []), of: parent)
        }
        #expect(few?.code == .invalid && few?.message.contains("trains 3 epochs already") == true)
        _ = try await bench.ledger.writer.perform(PlainChange(sql: "UPDATE checkpoint SET resumable = 0"))
        let none = await #expect(throws: LedgerError.self) {
            try await branch(bench, .extend(epochs: 5, checkpoints: []), of: parent)
        }
        #expect(none?.message.contains("no training state") == true && none?.message.contains("radiata rerun") == true)
    }

    @Test("in a sweep that stopped itself it is held, and said to be")
    func held() async throws {
        let bench = try LedgerBench()
        let parent = try await finished(bench)
        _ = try await bench.ledger.writer.perform(
            PlainChange(sql: "INSERT INTO sweep_stop (sweep, at, reason) VALUES (1, 0, 'broken')"))
        let made = try await branch(bench, .rerun(["lr": 2e-4]), of: parent)
        #expect(made.changes.first?.isHeld == true && made.notice?.contains("radiata resume bench") == true)
    }
}

/// Changes a ledger as no verb would, to see what becomes of it.
struct PlainChange: LedgerVerb {
    let sql: String
    func run(_ db: Database) throws { try db.execute(sql: sql) }
}
