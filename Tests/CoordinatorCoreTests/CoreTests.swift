import CoordinatorCore
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("The coordinator's decisions")
struct CoreTests {
    @Test("a poll waits for a job, gets it after the commit and not before")
    func longPoll() throws {
        var bench = CoreBench()
        try bench.register("one")
        let poll = bench.poll("one", 1)
        #expect(bench.replies[poll] == nil && bench.commits.isEmpty)
        bench.add(CoreBench.news(5))
        #expect(bench.replies[poll] == nil && bench.commits.count == 1)
        try bench.grant()
        #expect(try bench.exchanged(poll).grants.map(\.token) == [CoreBench.token(5)])
    }

    @Test("a poll ends empty after its wait; a new exchange of the session ends it at once")
    func pollEnds() throws {
        var bench = CoreBench()
        try bench.register("one")
        let first = bench.poll("one", 1, wait: 10)
        bench.tick(for: .seconds(9))
        #expect(bench.replies[first] == nil)
        bench.tick(for: .seconds(1))
        #expect(try bench.exchanged(first).grants.isEmpty)
        let second = bench.poll("one", 2)
        let third = bench.poll("one", 3)
        #expect(try bench.exchanged(second).number == 2)
        #expect(bench.replies[third] == nil)
        bench.add(CoreBench.news(1))
        try bench.grant()
        #expect(try bench.exchanged(third).grants.count == 1)
    }

    @Test("the same exchange twice on its way is one commit and two equal answers")
    func joinedRepeat() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1), CoreBench.news(2))
        try bench.register("one")
        let first = bench.poll("one", 1)
        let again = bench.poll("one", 1)
        #expect(bench.commits.count == 1)
        try bench.grant()
        #expect(try bench.exchanged(first) == bench.exchanged(again))
        // Later still: the ledger is asked for the stored answer, and no other job is offered.
        _ = bench.poll("one", 1)
        guard case .exchange(_, _, 1, [], []) = try bench.takeCommit().command else {
            Issue.record("a repeat must not offer jobs")
            return
        }
    }

    @Test("higher priority first, then the older job; only jobs the worker fits")
    func order() throws {
        var bench = CoreBench()
        bench.add(
            CoreBench.news(1), CoreBench.news(2, priority: 5), CoreBench.news(3, priority: 5),
            CoreBench.news(4, priority: 9, needs: RequirementSpec(gpus: 1)))
        try bench.register("one", slots: 8)
        _ = bench.poll("one", 1, free: 8)
        #expect(try bench.grant() == [2, 3, 1])
        #expect(bench.core.waitingCount == 1)
    }

    @Test("'elsewhere' binds only while another fitting worker is connected")
    func elsewhere() throws {
        var bench = CoreBench()
        try bench.register("one")
        try bench.register("two", labels: ["gpu": "no"])
        bench.add(CoreBench.news(1, avoid: WorkerID("one")))
        _ = bench.poll("one", 1, wait: 0)
        #expect(bench.commits.isEmpty)
        bench.handle(.workerChanged(WorkerID("two"), .draining))
        _ = bench.poll("one", 2, wait: 0)
        #expect(try bench.grant() == [1])
    }

    @Test("'elsewhere' waits for no worker that has fallen silent")
    func elsewhereIsGone() throws {
        var bench = CoreBench()
        try bench.register("one")
        try bench.register("two")
        bench.add(CoreBench.news(1, avoid: WorkerID("one")))
        for number in 1...6 {
            let poll = bench.poll("one", UInt64(number), wait: 30)
            bench.tick(for: .seconds(19))
            #expect(bench.replies[poll] == nil)
            #expect(!bench.commits.contains { if case .exchange = $0.command { true } else { false } })
        }
        // Two leases after "two" was last heard from, without a new request of "one".
        bench.tick(for: .seconds(6))
        while case .seen = bench.commits.first?.command { _ = try bench.takeCommit() }
        #expect(try bench.grant() == [1])
    }

    @Test("a job that comes back again and again overtakes another eight times, no more")
    func turns() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1), CoreBench.news(2))
        try bench.register("one")
        var granted: [Int64] = []
        for attempt in 1...10 {
            _ = bench.poll("one", UInt64(attempt), wait: 0)
            granted += try bench.grant(attempt: attempt)
            // It was lost, and waits again.
            if granted.last == 1 { bench.add(CoreBench.news(1)) }
        }
        #expect(granted == [1, 1, 1, 1, 1, 1, 1, 1, 2, 1])
    }

    @Test("the newest job, whose place is the last one, overtakes one that had its turns eight times, no more")
    func turnsOfTheNewest() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1), CoreBench.news(2))
        try bench.register("one")
        var granted: [Int64] = []
        for attempt in 1...20 {
            _ = bench.poll("one", UInt64(attempt), wait: 0)
            granted += try bench.grant(attempt: attempt)
            if let last = granted.last { bench.add(CoreBench.news(last)) }
        }
        // Eight turns each, then in turns.
        #expect(granted == [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 1, 2])
    }

    @Test("what was granted to a session that another of its worker ended meanwhile has a lease, and runs out")
    func grantedToAnEndedSession() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one")
        _ = bench.poll("one", 1)
        let again = RegisterRequest(
            WorkerRecord(
                worker: WorkerID("one"), name: "one", session: CoreBench.session("one", 2), slots: 1, threads: 1,
                labels: [:]))
        _ = bench.ask { .register(again, $0) }
        // The ledger knew of no attempt yet when it registered, and granted one after it.
        let registration = try #require(bench.commits.last)
        bench.handle(.committed(registration.id, .registered(leftovers: [], .active)))
        #expect(try bench.grant() == [1])
        #expect(bench.core.leaseCount == 1)
        bench.tick(for: .seconds(61))
        #expect(bench.commits.contains { $0.command == .expire([CoreBench.token(1)]) })
    }

    @Test("heartbeats extend; silence expires; the first sign of life revives, a new claim supersedes")
    func leases() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one")
        try bench.register("two")
        _ = bench.poll("one", 1)
        try bench.grant()
        let token = CoreBench.token(1)
        for _ in 0..<10 {
            bench.tick(for: .seconds(20))
            #expect(try bench.beat("one", [token]) == [.fine])
        }
        while case .seen = bench.commits.first?.command { bench.handle(.committed(try bench.takeCommit().id, .noted)) }
        #expect(bench.commits.isEmpty)

        bench.tick(for: .seconds(60))
        let expiry = try #require(bench.commits.first { $0.command == .expire([token]) })
        bench.handle(.committed(expiry.id, .expired([CoreBench.news(1)])))
        #expect(bench.core.waitingCount == 1)
        let alive = bench.heartbeat("one", [token])
        let revival = try #require(bench.commits.first { $0.command == .revive([token]) })
        #expect(bench.replies[alive] == nil)
        bench.handle(.committed(revival.id, .revived([token], superseded: [])))
        #expect(try bench.verdicts(alive) == [.fine])
        #expect(bench.core.waitingCount == 0)
    }

    @Test("a zombie whose job was claimed by another is told so from memory")
    func zombie() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one")
        try bench.register("two")
        _ = bench.poll("one", 1)
        try bench.grant()
        bench.tick(for: .seconds(61))
        let expiry = try #require(bench.commits.first { $0.command == .expire([CoreBench.token(1)]) })
        bench.handle(.committed(expiry.id, .expired([CoreBench.news(1)])))
        var other = bench
        _ = other.poll("two", 1)
        while case .seen = other.commits.first?.command { _ = try other.takeCommit() }
        while case .expire = other.commits.first?.command { _ = try other.takeCommit() }
        try other.grant(attempt: 2)
        #expect(try other.beat("one", [CoreBench.token(1)]) == [.superseded])
        #expect(try other.beat("two", [CoreBench.token(1, 2)]) == [.fine])
    }

    @Test("when the machine stood still, nobody loses a lease for it")
    func stall() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one")
        _ = bench.poll("one", 1)
        try bench.grant()
        bench.tick(for: .seconds(50))
        bench.advance(.seconds(3600))
        bench.handle(.tick)
        #expect(!bench.commits.contains { if case .expire = $0.command { true } else { false } })
        bench.tick(for: .seconds(8))
        #expect(!bench.commits.contains { if case .expire = $0.command { true } else { false } })
        bench.tick(for: .seconds(10))
        #expect(bench.commits.contains { $0.command == .expire([CoreBench.token(1)]) })
    }

    @Test("after a restart every open attempt has one fresh lease, and a stored exchange is answered again")
    func restart() throws {
        let record = WorkerRecord(
            worker: WorkerID("one"), name: "one", session: CoreBench.session("one"), slots: 1, threads: 1)
        var bench = CoreBench(
            start: LedgerSnapshot(
                waiting: [CoreBench.news(2)],
                open: [
                    .init(
                        token: CoreBench.token(1), session: record.session, worker: record.worker,
                        job: CoreBench.news(1), isExpired: false, isPausing: true)
                ], workers: [.init(record: record, standing: .active, exchanges: [4])]))
        bench.tick(for: .seconds(59))
        #expect(!bench.commits.contains { if case .expire = $0.command { true } else { false } })
        #expect(try bench.beat("one", [CoreBench.token(1)]) == [.pause])
        _ = bench.poll("one", 4)
        guard case .exchange(_, _, 4, [], []) = try bench.takeCommit().command else {
            Issue.record("a stored exchange must not offer jobs")
            return
        }
    }

    @Test("a pause reaches the worker through its waiting poll and its heartbeat")
    func pause() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one", slots: 2)
        _ = bench.poll("one", 1)
        try bench.grant()
        let poll = bench.poll("one", 2)
        bench.handle(.changed([], stopping: [CoreBench.token(1)], continuing: []))
        #expect(try bench.exchanged(poll).stops == [StopOrder(token: CoreBench.token(1), reason: .pause)])
        #expect(try bench.beat("one", [CoreBench.token(1)]) == [.pause])
        bench.handle(.changed([], stopping: [], continuing: [CoreBench.token(1)]))
        #expect(try bench.beat("one", [CoreBench.token(1)]) == [.fine])
    }

    @Test("a commit that the ledger refused leaves the jobs waiting and tells the worker to come again")
    func refusedCommit() throws {
        var bench = CoreBench()
        bench.add(CoreBench.news(1))
        try bench.register("one")
        let poll = bench.poll("one", 1)
        let full = WireError(.diskFull, "full", retryAfter: 30)
        bench.handle(.refused(try bench.takeCommit().id, full))
        #expect(bench.replies[poll] == .refused(full))
        _ = bench.poll("one", 1)
        #expect(try bench.grant() == [1])
    }

    @Test("a worker that gets no jobs because it is drained waits with its poll, and then gets them")
    func drainedWaits() throws {
        var bench = CoreBench()
        try bench.register("one")
        bench.handle(.workerChanged(WorkerID("one"), .draining))
        bench.add(CoreBench.news(1))
        let poll = bench.poll("one", 1)
        bench.tick(for: .seconds(29))
        #expect(bench.replies[poll] == nil)
        bench.handle(.workerChanged(WorkerID("one"), .active))
        #expect(try bench.exchanged(poll).grants.isEmpty)
        _ = bench.poll("one", 2)
        while case .seen = bench.commits.first?.command { _ = try bench.takeCommit() }
        #expect(try bench.grant() == [1])
    }

    @Test("an unknown session registers again; a poll whose peer left gets no job; a stop answers all")
    func odds() throws {
        var bench = CoreBench()
        let lost = bench.poll("nobody", 1)
        guard case .refused(let error) = try #require(bench.replies[lost]) else {
            Issue.record("wanted unknownSession")
            return
        }
        #expect(error.code == .unknownSession)
        try bench.register("one")
        let gone = bench.poll("one", 1)
        bench.handle(.disconnected(gone))
        bench.add(CoreBench.news(1))
        #expect(bench.commits.isEmpty && bench.core.waitingCount == 1)
        try bench.register("two")
        bench.handle(.workerChanged(WorkerID("two"), .draining))
        let waiting = bench.poll("two", 1, free: 0, wait: 30)
        #expect(try bench.exchanged(waiting).grants.isEmpty)
        bench.handle(.stop)
        let late = bench.poll("one", 2)
        #expect(
            bench.replies[late]
                == .refused(WireError(.unavailable, "the coordinator is stopping; try again", retryAfter: 1)))
    }

    @Test("a delayed job waits out its delay")
    func delay() throws {
        var bench = CoreBench()
        try bench.register("one")
        var news = CoreBench.news(1)
        news.delaySeconds = 5
        bench.add(news)
        let poll = bench.poll("one", 1)
        bench.tick(for: .seconds(4))
        #expect(bench.commits.isEmpty)
        bench.tick(for: .seconds(1))
        try bench.grant()
        #expect(try bench.exchanged(poll).grants.count == 1)
    }
}
