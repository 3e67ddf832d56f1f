import CoordinatorCore
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("Jobs that wait and are read behind the start")
struct UnreadTests {
    private static func place(_ row: Int64) -> WaitingPart.Place { .init(priority: 0, row: row) }

    /// Job 1 is known, those behind it are not.
    private static func bench() -> CoreBench {
        CoreBench(start: LedgerSnapshot(waiting: [CoreBench.news(1)], unread: place(1)))
    }

    /// The part that was asked for last.
    private static func asked(_ bench: inout CoreBench) throws -> (id: CommitID, after: WaitingPart.Place) {
        let (id, command) = try bench.takeCommit()
        guard case .waiting(let place, _) = command else {
            throw WireError(.internalFault, "wanted a part of those that wait, found \(command)")
        }
        return (id, place)
    }

    @Test("one part at a time, the next right behind it, until there are none")
    func parts() throws {
        var bench = Self.bench()
        #expect(bench.commits.isEmpty, "the start itself reads nothing more")
        bench.tick(for: .seconds(3))
        #expect(bench.commits.count == 1)
        let first = try Self.asked(&bench)
        #expect(first.after == Self.place(1))
        let part = WaitingPart(jobs: [CoreBench.news(2), CoreBench.news(3)], next: Self.place(3))
        bench.handle(.committed(first.id, .waiting(part)))
        #expect(bench.core.waitingCount == 3)
        let second = try Self.asked(&bench)
        #expect(second.after == Self.place(3))
        bench.handle(.committed(second.id, .waiting(WaitingPart(jobs: [CoreBench.news(4)]))))
        bench.tick(for: .seconds(3))
        #expect(bench.commits.isEmpty)
        try bench.register("one", slots: 9)
        _ = bench.poll("one", 1, free: 9)
        #expect(try bench.grant() == [1, 2, 3, 4])
    }

    @Test("a worker that waits for a job of another kind gets it as soon as it is read")
    func served() throws {
        var bench = Self.bench()
        try bench.register("gpu", labels: ["rack": "b"])
        _ = bench.poll("gpu", 1)
        try bench.grant()
        let poll = bench.poll("gpu", 2)
        bench.tick(for: .seconds(1))
        let part = try Self.asked(&bench)
        let news = CoreBench.news(7, needs: RequirementSpec(labels: ["rack": "b"]))
        bench.handle(.committed(part.id, .waiting(WaitingPart(jobs: [news]))))
        #expect(try bench.grant() == [7])
        #expect(try bench.exchanged(poll).grants.count == 1)
    }

    @Test("a ledger that refuses is told once, asked again with the next ticks, and nobody stops working")
    func refused() throws {
        var bench = Self.bench()
        let full = WireError(.diskFull, "the disk is full", retryAfter: 30)
        for _ in 0..<3 {
            bench.tick(for: .seconds(1))
            bench.handle(.refused(try Self.asked(&bench).id, full))
        }
        #expect(bench.logs.count == 1 && bench.logs[0].contains("the disk is full"))
        try bench.register("one")
        _ = bench.poll("one", 1)
        #expect(try bench.grant() == [1])
        bench.tick(for: .seconds(1))
        let again = try Self.asked(&bench)
        #expect(again.after == Self.place(1))
        bench.handle(.committed(again.id, .waiting(WaitingPart(jobs: [CoreBench.news(2)]))))
        #expect(bench.core.waitingCount == 1)
    }

    @Test("what is being claimed just now is not offered a second time")
    func claimed() throws {
        var bench = Self.bench()
        // Launched while it reads: told, and in the next part too.
        bench.add(CoreBench.news(2))
        bench.tick(for: .seconds(1))
        let part = try Self.asked(&bench)
        try bench.register("one", slots: 2)
        _ = bench.poll("one", 1, free: 2)
        bench.handle(.committed(part.id, .waiting(WaitingPart(jobs: [CoreBench.news(2), CoreBench.news(3)]))))
        #expect(try bench.grant() == [1, 2])
        #expect(bench.core.waitingCount == 1)
        _ = bench.poll("one", 2, free: 2)
        #expect(try bench.grant() == [3])
    }

    @Test("a row that cannot be read is told, and those behind it go on")
    func faults() throws {
        var bench = Self.bench()
        bench.tick(for: .seconds(1))
        let part = WaitingPart(jobs: [CoreBench.news(3)], faults: ["nobody gets the job in row 2: spoilt"])
        bench.handle(.committed(try Self.asked(&bench).id, .waiting(part)))
        #expect(bench.logs == part.faults)
        #expect(bench.core.waitingCount == 2)
    }

    @Test("a coordinator that stops reads nothing more")
    func stop() throws {
        var bench = Self.bench()
        bench.tick(for: .seconds(1))
        let part = try Self.asked(&bench)
        bench.handle(.stop)
        bench.handle(.committed(part.id, .waiting(WaitingPart(jobs: [CoreBench.news(2)], next: Self.place(2)))))
        bench.tick(for: .seconds(3))
        #expect(bench.commits.isEmpty)
    }

    @Test("whatever is added, canceled and preferred, jobs are handed out as a sorted list says", arguments: 1...20)
    func order(seed: UInt64) throws {
        let random = SeededRandom(seed: seed)
        var bench = CoreBench()
        try bench.register("one", slots: 256)
        var waiting: [Int64: Int] = [:]
        var granted: Set<Int64> = []
        for number in 1...400 {
            let row = Int64(1 + random.integer(below: 200))
            switch random.integer(below: 10) {
            case 0..<6 where !granted.contains(row):
                waiting[row] = random.integer(below: 3)
                bench.add(CoreBench.news(row, priority: waiting[row] ?? 0))
            case 6..<8 where waiting[row] != nil:
                waiting[row] = nil
                var gone = CoreBench.news(row)
                gone.state = .canceled
                bench.add(gone)
            case 8..<10 where !waiting.isEmpty:
                let free = 1 + random.integer(below: 9)
                _ = bench.poll("one", UInt64(number), free: free, wait: 0)
                let best = waiting.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(free).map(\.key)
                #expect(try bench.grant() == best)
                granted.formUnion(best)
                for row in best { waiting[row] = nil }
            default: break
            }
            #expect(bench.core.waitingCount == waiting.count)
        }
    }
}
