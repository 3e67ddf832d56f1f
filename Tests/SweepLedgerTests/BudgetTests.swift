import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// Times are moved by hand, so every figure can be reckoned on paper.
@Suite("Budgets of sweeps")
struct BudgetTests {
    private func launch(
        _ bench: LedgerBench, _ names: [String], sweep: String = "bench", budget: SweepBudget?
    ) async throws -> [Int64] {
        var verb = LaunchSweep(
            key: SystemRandom().hexadecimal(bytes: 16), digest: names.joined(), name: try #require(SweepName(sweep)),
            fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
            jobs: try names.map { try LaunchJob(LedgerBench.job($0)) }, now: bench.now)
        verb.budget = budget
        return try await bench.ledger.writer.perform(verb).changes.map(\.row)
    }

    private func register(_ bench: LedgerBench, _ worker: String, slots: Int = 1, price: String? = nil) async throws {
        _ = try await bench.ledger.writer.perform(
            RegisterWorker(
                worker: WorkerRecord(
                    worker: WorkerID(worker), name: worker, session: SessionID(rawValue: worker + "s"), slots: slots,
                    threads: 1, labels: price.map { ["price": $0] } ?? [:]), ledgerID: bench.ledger.id, now: bench.now))
    }

    private func pass(_ bench: LedgerBench, hours: Double) {
        bench.now = WallTime(milliseconds: bench.now.milliseconds + Int64(hours * 3_600_000))
    }

    private func standing(_ bench: LedgerBench, _ sweep: String = "bench") async throws -> SweepSummary {
        try #require(try await bench.ledger.sweeps(named: sweep, at: bench.now).first)
    }

    @Test("nothing is handed out once a job more would be beyond the hours; a restart changes nothing of that")
    func hours() async throws {
        let bench = try LedgerBench()
        let rows = try await launch(bench, ["a", "b", "c", "d", "e"], budget: SweepBudget(hours: 5))
        try await register(bench, "one")
        try await register(bench, "two")
        // The first job takes two hours: 2 spent, each takes 2.
        let first = try await bench.claim("one", rows[0])
        pass(bench, hours: 2)
        #expect(try await bench.report("one", first.token, .finished(position: 0)) == .accepted)
        // With it 4 of 5.
        let second = try await bench.claim("one", rows[1])
        // With one more 6: it stops, and whoever keeps jobs in memory hears what is held.
        let refused = try await bench.exchange("two", claim: [rows[2]])
        #expect(refused.claims.isEmpty && refused.changes.map(\.isHeld) == [true, true, true])
        var summary = try await standing(bench)
        #expect(summary.state == "stopped" && summary.reason?.contains("budget of 5 h") == true)
        #expect(summary.remedy?.contains("radiata resume bench --hours") == true)
        #expect(summary.budget == BudgetStanding(budget: SweepBudget(hours: 5), hours: 2, money: 0))
        // What runs goes on to its end, and counts.
        pass(bench, hours: 1)
        #expect(try await bench.report("one", second.token, .finished(position: 0)) == .accepted)
        try bench.reopen()
        summary = try await standing(bench)
        #expect(summary.budget?.hours == 3 && summary.state == "stopped")
        #expect(try await bench.exchange("two", claim: [rows[2]]).claims.isEmpty)
    }

    @Test("resume goes on with more, and says when it would stop again at once")
    func resume() async throws {
        let bench = try LedgerBench()
        let rows = try await launch(bench, ["a", "b", "c"], budget: SweepBudget(hours: 1))
        try await register(bench, "one")
        let first = try await bench.claim("one", rows[0])
        pass(bench, hours: 1)
        #expect(try await bench.report("one", first.token, .finished(position: 0)) == .accepted)
        #expect(try await bench.exchange("one", claim: [rows[1]]).claims.isEmpty)
        func resume(_ budget: SweepBudget?) async throws -> ChangeJobs.Outcome {
            var verb = ChangeJobs(
                action: .resume, target: "bench", failure: nil, ledgerID: bench.ledger.id, now: bench.now)
            verb.budget = budget
            return try await bench.ledger.writer.perform(verb)
        }
        let without = try await resume(nil)
        #expect(without.notice?.contains("1 of 1 h") == true && without.changes.map(\.isHeld) == [false, false])
        #expect(try await bench.exchange("one", claim: [rows[1]]).claims.isEmpty)
        let with = try await resume(SweepBudget(hours: 2.5))
        #expect(with.notice == nil && with.changes.count == 2)
        #expect(try await bench.exchange("one", claim: [rows[1]]).claims.count == 1)
        #expect(try await standing(bench).budget?.budget == SweepBudget(hours: 2.5))
    }

    @Test("money is the price of the worker's slot, also after the worker is forgotten; who says none costs none")
    func money() async throws {
        let bench = try LedgerBench()
        let rows = try await launch(bench, ["a", "b", "c", "d"], budget: SweepBudget(money: 10))
        try await register(bench, "dear", slots: 2, price: "4")
        try await register(bench, "free")
        let dear = try await bench.claim("dear", rows[0])
        let free = try await bench.claim("free", rows[1])
        pass(bench, hours: 3)
        // 3 h at 4/2 an hour.
        #expect(try await standing(bench).budget?.money == 6)
        #expect(try await bench.report("dear", dear.token, .finished(position: 0)) == .accepted)
        #expect(try await bench.report("free", free.token, .finished(position: 0)) == .accepted)
        // The dear one would take 6 more; the free one nothing.
        #expect(try await bench.exchange("dear", claim: [rows[2]]).claims.isEmpty)
        #expect(try await standing(bench).reason?.contains("12 of money with it") == true)
        _ = try await bench.ledger.writer.perform(ForgetWorker(worker: "dear", connected: [], now: bench.now))
        #expect(try await standing(bench).budget?.money == 6)
        _ = try await bench.ledger.writer.perform(
            ChangeJobs(action: .resume, target: "bench", failure: nil, ledgerID: bench.ledger.id, now: bench.now))
        #expect(try await bench.exchange("free", claim: [rows[2]]).claims.count == 1)
    }

    @Test("lost and failed attempts count; attempts from before the budget, and of other sweeps, do not")
    func whatCounts() async throws {
        let bench = try LedgerBench()
        _ = try await launch(bench, ["a"], sweep: "before", budget: nil)
        try await register(bench, "one")
        let row = try #require(try bench.query("SELECT min(id) FROM job").first?.first)
        guard case .integer(let first) = row else {
            Issue.record("\(row)")
            return
        }
        let early = try await bench.claim("one", first)
        pass(bench, hours: 7)
        _ = try await bench.report("one", early.token, .failed(.crash, message: "x", exitCode: 1))
        // The same job is in a sweep with a budget from now on.
        let rows = try await launch(bench, ["a", "b"], budget: SweepBudget(hours: 100))
        let again = try await bench.claim("one", first)
        pass(bench, hours: 1)
        _ = try await bench.report("one", again.token, .failed(.crash, message: "y", exitCode: 1))
        let lost = try await bench.claim("one", try #require(rows.last))
        pass(bench, hours: 2)
        _ = try await bench.expire(lost.token)
        _ = try await bench.claim("one", try #require(rows.last))
        #expect(try await standing(bench).budget?.hours == 3)
        #expect(try await standing(bench, "before").budget == nil)
    }

    @Test("a job that another active sweep wants is handed out; launched again with more the sweep goes on")
    func sharedAndLaunchedAgain() async throws {
        let bench = try LedgerBench()
        let rows = try await launch(bench, ["a", "b", "c"], budget: SweepBudget(hours: 1))
        _ = try await launch(bench, ["b"], sweep: "other", budget: nil)
        try await register(bench, "one")
        let first = try await bench.claim("one", rows[0])
        pass(bench, hours: 1)
        #expect(try await bench.report("one", first.token, .finished(position: 0)) == .accepted)
        let outcome = try await bench.exchange("one", claim: [rows[1], rows[2]])
        #expect(outcome.claims.map(\.row) == [rows[1]], "the other sweep has no budget")
        let changed = try await launch(bench, ["a", "b", "c"], budget: SweepBudget(hours: 9))
        #expect(changed.contains(rows[2]))
        #expect(try await standing(bench).state == "active")
        #expect(try await bench.exchange("one", claim: [rows[2]]).claims.count == 1)
    }
}
