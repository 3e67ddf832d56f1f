import CoordinatorCore
import Ports
import SweepModel
import SweepWire
import Testing

/// Many workers that wait: how often they come back.
@Suite("Renewals of those who wait")
struct RenewalTests {
    /// Workers that ask for the longest wait at the same moment.
    private func waiting(_ count: Int, renewals: Double) throws -> (bench: CoreBench, polls: [ReplyID]) {
        var bench = CoreBench(renewals: renewals)
        for index in 0..<count { try bench.register("w\(index)") }
        let polls = (0..<count).map { bench.poll("w\($0)", 1, wait: WireLimit.longestWaitSeconds) }
        return (bench, polls)
    }

    @Test("polls that came together end one after the other, no more in a second than there may be")
    func spread() throws {
        var (bench, polls) = try waiting(60, renewals: 2)
        bench.tick(for: .seconds(29))
        #expect(polls.allSatisfy { bench.replies[$0] == nil })
        var ended: [Int] = []
        for _ in 0..<31 {
            bench.tick(for: .seconds(1))
            ended.append(polls.count { bench.replies[$0] != nil })
        }
        #expect(ended.last == 60)
        #expect(zip([0] + ended, ended).allSatisfy { $1 - $0 <= 2 })
    }

    @Test("few wait as long as ever; nobody waits longer than it asks for, or than the longest wait")
    func bounds() throws {
        var (few, polls) = try waiting(3, renewals: 100)
        few.tick(for: .seconds(31))
        #expect(polls.allSatisfy { few.replies[$0] != nil })

        var (many, long) = try waiting(20, renewals: 0.1)
        // One of an earlier program.
        try many.register("old")
        let short = many.poll("old", 1, wait: WireLimit.waitSeconds)
        many.tick(for: .seconds(30))
        #expect(many.replies[short] != nil)
        many.tick(for: .seconds(89))
        #expect(many.replies[long[19]] == nil)
        many.tick(for: .seconds(1))
        #expect(long.allSatisfy { many.replies[$0] != nil })
    }

    @Test("who waits among many is told when to come, twice within the silence of one that is gone; others are not")
    func heartbeats() throws {
        var (bench, _) = try waiting(80, renewals: 2)
        func wait(_ worker: String, _ tokens: [AttemptToken] = []) throws -> Double? {
            let id = bench.heartbeat(worker, tokens)
            guard case .heartbeat(let response) = try #require(bench.replies[id]) else { return nil }
            return response.waitSeconds
        }
        #expect(try wait("w0") == 40)
        #expect(try wait("w1", [CoreBench.token(1)]) == nil)
        // A lease of a minute: 120 s of silence.
        (bench, _) = try waiting(80, renewals: 0.5)
        #expect(try wait("w0") == 50)
        (bench, _) = try waiting(50, renewals: 2)
        #expect(try wait("w0") == nil)
    }

    @Test("a long poll gets its job at once, and its lease is as long as any")
    func grants() throws {
        var (bench, polls) = try waiting(60, renewals: 0.5)
        bench.tick(for: .seconds(20))
        bench.add(CoreBench.news(7))
        try bench.grant()
        #expect(try bench.exchanged(polls[0]).grants.map(\.token) == [CoreBench.token(7)])
        bench.tick(for: .seconds(59))
        #expect(bench.commits.allSatisfy { if case .expire = $0.command { false } else { true } })
        bench.tick(for: .seconds(2))
        #expect(bench.commits.contains { $0.command == .expire([CoreBench.token(7)]) })
    }

    @Test("one that vanished among many that wait is gone after the silence of all")
    func vanished() throws {
        var (bench, _) = try waiting(80, renewals: 0.5)
        // All but the first say now and then that they are there.
        for _ in 0..<2 {
            bench.tick(for: .seconds(60))
            for index in 1..<80 { _ = try bench.beat("w\(index)", []) }
        }
        let there = bench.core.connected(now: bench.now)
        #expect(there.count == 79 && !there.contains(WorkerID("w0")))
    }
}
