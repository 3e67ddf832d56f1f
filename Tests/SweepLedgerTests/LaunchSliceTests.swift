import Foundation
import Ports
import SweepLedger
import SweepModel
import Testing

@Suite("A launch in slices")
struct LaunchSliceTests {
    @Test("slices add up to the whole; a launch cut off in the middle is completed by sending it again")
    func slices() async throws {
        let bench = try LedgerBench()
        let names = (0..<10).map { "job \($0)" }
        let jobs = try names.map { try LaunchJob(LedgerBench.job($0)) }
        func slice(_ range: Range<Int>, before: LaunchSweep.Outcome, last: Bool) async throws -> LaunchSweep.Outcome {
            var verb = LaunchSweep(
                key: "key", digest: "digest", name: try #require(SweepName("bench")), fileDigest: "d", bundle: "{}",
                priority: 0, configurations: 1, checkpoints: 1, jobs: Array(jobs[range]), now: bench.now)
            verb.before = before
            verb.isLast = last
            return try await bench.ledger.writer.perform(verb)
        }
        // Cut off after the first slice: nothing is remembered of the key, the jobs are there.
        let cut = try await slice(0..<4, before: .init(), last: false)
        #expect(cut.added == 4 && cut.changes.count == 4)
        let again = try await slice(0..<4, before: .init(), last: false)
        #expect(again.added == 0 && again.changes.isEmpty)
        let middle = try await slice(4..<8, before: again, last: false)
        let whole = try await slice(8..<10, before: middle, last: true)
        #expect(whole.jobs == 10 && whole.added == 6)
        // Answered before: the same answer, whichever slice is sent.
        let repeated = try await slice(0..<4, before: .init(), last: false)
        #expect(repeated.jobs == 10 && repeated.added == 6 && repeated.changes.isEmpty)
        #expect(try bench.query("SELECT count(*) FROM jobs WHERE state = 'waiting'") == [[.integer(10)]])
    }
}
