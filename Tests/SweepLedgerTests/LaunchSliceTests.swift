import Foundation
import GRDB
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("A launch in slices")
struct LaunchSliceTests {
    @Test("what a file says about metrics takes the place of what an earlier one said")
    func metrics() async throws {
        let bench = try LedgerBench()
        func launch(_ key: String, _ metrics: [MetricDeclaration]) async throws {
            var verb = LaunchSweep(
                key: key, digest: key, name: try #require(SweepName("bench")), fileDigest: key, bundle: "{}",
                priority: 0, configurations: 1, checkpoints: 1, jobs: [], now: bench.now)
            verb.metrics = metrics
            _ = try await bench.ledger.writer.perform(verb)
        }
        try await launch("a", [.init(name: "old", better: .higher), .init(name: "val_loss", weight: 1)])
        try await launch(
            "b", [.init(name: "val_loss", better: .lower, unit: "nats", prompts: nil, weight: 2), .init(name: "fps")])
        #expect(
            try bench.query(
                "SELECT metric, better, unit, weight FROM sweep_metrics WHERE sweep = 'bench' ORDER BY place")
                == [
                    [.text("val_loss"), .text("lower"), .text("nats"), .real(2)], [.text("fps"), .null, .null, .null],
                ])
    }

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

    @Test("members that are summed up at once are counted like members that come one by one")
    func many() async throws {
        let bench = try LedgerBench()
        try await bench.launch((0..<40).map { "job \($0)" }, sweep: "other")
        try await bench.launch((0..<10).map { "job \($0)" })
        // New ones, one of them twice; some of the other sweep's; some that are there.
        let launched = try await bench.launch((5..<150).map { "job \($0)" } + ["job 149", "job 3"])
        #expect(launched.jobs == 150 && launched.added == 140 && launched.shared == 30)
        #expect(launched.changes.count == 110)
        let counted = "SELECT sweep, state, jobs FROM sweep_count WHERE jobs <> 0 ORDER BY 1, 2"
        let there = """
            SELECT m.sweep, j.state, count(*) FROM member m JOIN job j ON j.id = m.job GROUP BY 1, 2 ORDER BY 1, 2
            """
        #expect(try bench.query(counted) == bench.query(there))
        // Triggers run again.
        _ = try await bench.register("one")
        let token = try await bench.claim("one", try #require(launched.changes.last?.row)).token
        #expect(try bench.query(counted) == bench.query(there))
        #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        #expect(try bench.query(counted) == bench.query(there))
        #expect(try bench.query("SELECT sum(attempts) FROM sweep_cost") == [[.integer(1)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("jobs that wait are read part by part as they are read at once, best first, without those that are held")
    func waiting() async throws {
        let bench = try LedgerBench()
        func jobs(_ range: Range<Int>, priority: Int) throws -> [ResolvedJob] {
            try range.map {
                var job = try LedgerBench.job("job \($0)")
                job.priority = priority
                return job
            }
        }
        try await bench.launch(try jobs(0..<70, priority: 0))
        try await bench.launch(try jobs(70..<80, priority: 5))
        try await bench.launch(try jobs(80..<90, priority: -5))
        let whole = try await bench.ledger.snapshot(at: bench.now).waiting
        let priorities = [(5, 10), (0, 70), (-5, 10)].flatMap { Array(repeating: $0.0, count: $0.1) }
        #expect(whole.map(\.priority) == priorities)
        for most in [1, 7, 10, 90, 91] {
            var start = try await bench.ledger.snapshot(at: bench.now, most: most)
            #expect(start.waiting.count == min(most, 90))
            while let from = start.unread {
                let part = try await bench.ledger.writer.perform(WaitingJobs(after: from, most: most, now: bench.now))
                #expect(part.jobs.count <= most)
                start.waiting += part.jobs
                start.unread = part.next
            }
            #expect(start.waiting == whole)
        }
    }

    /// What a coordinator knows that is told of everything in its order.
    private struct Known {
        var priorities: [Int64: Int] = [:]

        mutating func hear(_ changes: [JobChange]) {
            for change in changes {
                priorities[change.row] = change.state == .waiting && !change.isHeld ? change.priority : nil
            }
        }
    }

    @Test("jobs that are canceled, paused, launched or preferred between two parts are known as they are in the end")
    func changedMeanwhile() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<60).map { "job \($0)" }).changes.map(\.row)
        try await bench.launch((60..<80).map { "job \($0)" }, sweep: "other")
        let writer = bench.ledger.writer
        func change(_ action: JobAction, _ target: String) async throws -> [JobChange] {
            try await writer.perform(
                ChangeJobs(action: action, target: target, failure: nil, ledgerID: bench.ledger.id, now: bench.now)
            ).changes
        }
        func prefer(_ job: Int, _ priority: Int) async throws -> [JobChange] {
            let target = JobID(.of("job \(job)")).text
            return try await writer.perform(SetPriority(target: target, priority: priority, now: bench.now)).waiting
        }
        let start = try await bench.ledger.snapshot(at: bench.now, most: 10)
        var known = Known()
        known.hear(start.waiting)
        var (place, part) = (start.unread, 0)
        while let from = place {
            let found = try await writer.perform(WaitingJobs(after: from, most: 10, now: bench.now))
            known.hear(found.jobs)
            place = found.next
            part += 1
            switch part {
            case 1:  // of those to come, of those that were read, and one of each to the other side
                known.hear(try await change(.cancel, JobID(.of("job 40")).text))
                known.hear(try await change(.cancel, JobID(.of("job 3")).text))
                known.hear(try await prefer(45, 9))
                known.hear(try await prefer(5, -9))
            case 2: known.hear(try await change(.pause, "other"))
            case 3: known.hear(try await bench.launch((80..<95).map { "job \($0)" }, sweep: "third").changes)
            case 4: known.hear(try await change(.unpause, "other"))
            case 5:
                known.hear(try await change(.pause, JobID(.of("job 50")).text))
                known.hear(try await change(.resume, JobID(.of("job 3")).text))
            default: break
            }
        }
        let whole = try await bench.ledger.snapshot(at: bench.now)
        #expect(whole.waiting.count == 60 - 2 + 20 + 15 && part > 6)
        #expect(known.priorities == Dictionary(uniqueKeysWithValues: whole.waiting.map { ($0.row, $0.priority) }))
        #expect(known.priorities[rows[45]] == 9 && known.priorities[rows[5]] == -9)
    }

    @Test("a row that another program has spoilt is named, at the start and behind it, and the others are read")
    func spoilt() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<20).map { "job \($0)" }).changes.map(\.row)
        _ = try await bench.ledger.writer.perform(Spoil(rows: [rows[2], rows[15]]))
        let start = try await bench.ledger.snapshot(at: bench.now, most: 10)
        #expect(start.waiting.map(\.row) == Array(rows[..<2] + rows[3..<10]))
        #expect(start.faults.count == 1 && start.faults[0].contains("row \(rows[2])"))
        let place = try #require(start.unread)
        let rest = try await bench.ledger.writer.perform(WaitingJobs(after: place, most: 100, now: bench.now))
        #expect(rest.jobs.map(\.row) == Array(rows[10..<15] + rows[16...]) && rest.next == nil)
        #expect(rest.faults.count == 1 && rest.faults[0].contains("row \(rows[15])"))
    }

    private struct Spoil: LedgerVerb {
        let rows: [Int64]

        func run(_ db: Database) throws {
            for row in rows {
                try db.execute(sql: "UPDATE job SET requirements = '{' WHERE id = ?", arguments: [row])
            }
        }
    }
}
