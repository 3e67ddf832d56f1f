import CoordinatorCore
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

/// A worker with GPUs that runs what it is given for as long as each job takes. It counts its GPUs by itself.
private struct Machine {
    let name: String
    let slots: Int
    let gpus: Int
    /// By row: when it ends, and its GPUs.
    private(set) var running: [Int64: (end: Int, gpus: [Int])] = [:]
    private var number: UInt64 = 0
    private var poll: ReplyID?

    var free: [Int] {
        let held = Set(running.values.flatMap(\.gpus))
        return (0..<gpus).filter { !held.contains($0) }
    }

    init(_ name: String, slots: Int, gpus: Int) {
        (self.name, self.slots, self.gpus) = (name, slots, gpus)
    }

    func register(_ bench: inout CoreBench) throws {
        try bench.register(name, slots: slots, gpus: (0..<gpus).map { GPUDevice(index: "\($0)", uuid: "\(name)\($0)") })
    }

    /// Ends what is due; each job that ends leaves its lease.
    mutating func end(at second: Int, _ bench: inout CoreBench) {
        for (row, job) in running.sorted(by: { $0.key < $1.key }) where job.end <= second {
            running[row] = nil
            bench.handle(
                .changed(
                    [
                        JobChange(
                            row: row, job: CoreBench.job(row), state: .done, priority: 0,
                            ended: CoreBench.token(row))
                    ], stopping: [], continuing: []))
        }
    }

    /// Asks, if it has a free slot, and takes what it is given.
    ///
    /// - Parameter jobs: by row, what each needs and how many seconds it takes.
    mutating func ask(
        at second: Int, _ bench: inout CoreBench, _ jobs: [Int64: (needs: RequirementSpec, seconds: Int)]
    ) throws -> [Int64] {
        // Each of these takes one slot, or two where it has all GPUs of a machine of two slots.
        let taken = running.values.reduce(0) { $0 + max(1, min($1.gpus.count, $1.gpus.count * slots / gpus)) }
        guard taken < slots else { return [] }
        number += 1
        _ = bench.poll(name, number, free: slots - taken, gpus: free, wait: 0)
        var given: [Int64] = []
        while let commit = bench.commits.first {
            guard case .exchange = commit.command else {
                _ = try bench.takeCommit()
                continue
            }
            given += try bench.grant(needs: jobs.mapValues(\.needs))
        }
        for row in given {
            let job = try #require(jobs[row])
            let count = max(1, job.needs.gpus)
            try #require(free.count >= count, "job \(row) of \(count) GPUs was given, and \(free) are free")
            running[row] = (second + job.seconds, Array(free.prefix(count)))
        }
        return given
    }
}

@Suite("Jobs of several GPUs")
struct RoomTests {
    @Test("two slots and four GPUs: 1,000 jobs of one to three GPUs, never more than there are, none starved")
    func thousand() throws {
        let random = SeededRandom(seed: 4)
        var bench = CoreBench()
        var machine = Machine("one", slots: 2, gpus: 4)
        try machine.register(&bench)
        var jobs: [Int64: (needs: RequirementSpec, seconds: Int)] = [:]
        for row in 1...1000 as ClosedRange<Int64> {
            let needs = RequirementSpec(gpus: 1 + random.integer(below: 3))
            jobs[row] = (needs, 20 + random.integer(below: 100))
            bench.add(CoreBench.news(row, needs: needs))
        }
        var waiting = Dictionary(grouping: jobs.keys.sorted()) { jobs[$0]?.needs.gpus ?? 0 }
        var granted: [Int64] = []
        var second = 0
        // Since when jobs behind the first of each kind were given room, and when one before it last was.
        var passed: [Int: (row: Int64, since: Int, turn: Int)] = [:]
        var longest = 0
        while granted.count < jobs.count, second < 200_000 {
            bench.tick(for: .seconds(1))
            second += 1
            machine.end(at: second, &bench)
            let given = try machine.ask(at: second, &bench, jobs)
            guard !given.isEmpty else { continue }
            granted += given
            for gpus in 1...3 {
                waiting[gpus]?.removeAll(where: given.contains)
                guard let first = waiting[gpus]?.first, given.contains(where: { $0 > first }) else { continue }
                if passed[gpus]?.row != first { passed[gpus] = (first, second, second) }
            }
            for row in given {
                let gpus = jobs[row]?.needs.gpus ?? 0
                if let head = passed[gpus], head.row == row {
                    longest = max(longest, second - max(head.since + 600, head.turn))
                }
                for (kind, head) in passed where row < head.row { passed[kind]?.turn = second }
            }
        }
        #expect(Set(granted).count == 1000 && granted.count == 1000)
        // After ten minutes, and after all that is before it in line: what runs then, once for it and once
        // for one that room was kept for before.
        #expect(longest <= 2 * 120, "\(longest) s")
        #expect(bench.core.waitingCount == 0)
    }

    /// A stream of jobs of one GPU, staggered so that no two GPUs are ever free at the same time, and one job
    /// of two that is first in line.
    private func stream(patience: Duration?) throws -> (granted: Int?, bench: CoreBench) {
        var bench = CoreBench(patience: patience)
        var machine = Machine("one", slots: 4, gpus: 4)
        try machine.register(&bench)
        var jobs: [Int64: (needs: RequirementSpec, seconds: Int)] = [:]
        func add(_ row: Int64, _ gpus: Int, _ seconds: Int) {
            jobs[row] = (RequirementSpec(gpus: gpus), seconds)
            bench.add(CoreBench.news(row, needs: RequirementSpec(gpus: gpus)))
        }
        for row in 1...4 as ClosedRange<Int64> { add(row, 1, Int(row) * 30) }
        _ = try machine.ask(at: 0, &bench, jobs)
        add(5, 2, 100)
        for row in 6...300 as ClosedRange<Int64> { add(row, 1, 120) }
        for second in 1...3000 {
            bench.tick(for: .seconds(1))
            machine.end(at: second, &bench)
            if try machine.ask(at: second, &bench, jobs).contains(5) { return (second, bench) }
        }
        return (nil, bench)
    }

    @Test("one that was passed over for ten minutes has a worker kept for it")
    func kept() throws {
        let second = try #require(try stream(patience: nil).granted)
        #expect(second > 600 && second <= 600 + 30 + 120, "\(second) s")
        // Without that it would wait for the end of the stream.
        #expect(try stream(patience: .seconds(1_000_000)).granted == nil)
    }

    @Test("what is kept holds up nothing that could not use it, and ends with the job's wish")
    func keptNarrowly() throws {
        var bench = CoreBench(patience: .seconds(10))
        let devices = [24, 24, 12].enumerated().map { GPUDevice(index: "\($0)", uuid: "\($0)", memory: $1) }
        try bench.register("one", slots: 3, gpus: devices)
        let wide = RequirementSpec(gpus: 2, gpuMemoryBytes: 20)
        let single = RequirementSpec(gpus: 1)
        bench.add(CoreBench.news(1, needs: wide), CoreBench.news(2, needs: single), CoreBench.news(3, needs: single))
        // One of its GPUs is busy: the next in line passes.
        _ = bench.poll("one", 1, free: 1, gpus: [1, 2], wait: 0)
        #expect(try bench.grant() == [2])
        bench.tick(for: .seconds(11))
        // The small GPU is of no use to it; a large one is kept.
        _ = bench.poll("one", 2, free: 3, gpus: [1, 2], wait: 0)
        #expect(try bench.grant() == [3])
        bench.add(CoreBench.news(4, needs: single))
        let poll = bench.poll("one", 3, free: 3, gpus: [1], wait: 30)
        #expect(bench.replies[poll] == nil && bench.commits.isEmpty)
        var job = WaitingJob(row: 1, state: .waiting, needs: wide, name: "0123abcd")
        let kept = try #require(bench.core.waitBoard(now: bench.now).reason(job))
        #expect(
            kept.hasPrefix("it needs 2 GPUs with 0.0 GB of one worker at the same time; one (one) is kept for it"),
            "\(kept)")
        (job.row, job.needs) = (4, single)
        #expect(
            try #require(bench.core.waitBoard(now: bench.now).reason(job)).contains("kept for a job that was passed"))
        // It is canceled: the others go on.
        bench.handle(
            .changed(
                [JobChange(row: 1, job: CoreBench.job(1), state: .canceled, priority: 0)], stopping: [],
                continuing: []))
        #expect(try bench.grant() == [4])
    }

    @Test("a worker that is gone keeps nothing: another takes its place")
    func keeperGone() throws {
        var bench = CoreBench(patience: .seconds(10))
        let devices = [GPUDevice(index: "0", uuid: "a"), GPUDevice(index: "1", uuid: "b")]
        for name in ["one", "two"] { try bench.register(name, slots: 2, gpus: devices) }
        let wide = RequirementSpec(gpus: 2)
        bench.add(CoreBench.news(1, needs: wide))
        for row in 2...9 as ClosedRange<Int64> { bench.add(CoreBench.news(row, needs: RequirementSpec(gpus: 1))) }
        _ = bench.poll("one", 1, free: 1, gpus: [0], wait: 0)
        #expect(try bench.grant() == [2])
        bench.tick(for: .seconds(11))
        _ = bench.poll("one", 2, free: 1, gpus: [0], wait: 0)
        #expect(bench.commits.isEmpty)
        // It is kept on one of them, so the other goes on.
        _ = bench.poll("two", 1, free: 1, gpus: [0], wait: 0)
        #expect(try bench.grant() == [3])
        bench.handle(.workerChanged(WorkerID("one"), .draining))
        _ = bench.poll("two", 2, free: 1, gpus: [0], wait: 0)
        #expect(bench.commits.isEmpty)
    }

    @Test("a worker of the time before it named free GPUs has those free that no lease takes")
    func earlier() throws {
        var bench = CoreBench()
        let request = RegisterRequest(
            WorkerRecord(
                worker: WorkerID("old"), name: "old", session: CoreBench.session("old"), slots: 4, threads: 1, gpus: 2))
        _ = bench.ask { .register(request, $0) }
        bench.handle(.committed(try bench.takeCommit().id, .registered(leftovers: [], .active)))
        let single = RequirementSpec(gpus: 1)
        for row in 1...3 as ClosedRange<Int64> { bench.add(CoreBench.news(row, needs: single)) }
        _ = bench.poll("old", 1, free: 4, wait: 0)
        #expect(try bench.grant(needs: [1: single, 2: single]) == [1, 2])
        _ = bench.poll("old", 2, free: 2, wait: 0)
        #expect(bench.commits.isEmpty)
    }

    @Test("why it waits: what no worker has, or room that is taken")
    func sentences() throws {
        var bench = CoreBench()
        let devices = [0, 1].map { GPUDevice(index: "\($0)", uuid: "\($0)", name: "RTX 3060", memory: 12_000_000_000) }
        try bench.register("one", slots: 2, gpus: devices)
        func reason(_ needs: RequirementSpec) -> String {
            bench.core.waitBoard(now: bench.now).reason(WaitingJob(row: 1, state: .waiting, needs: needs, name: "x"))
                ?? "nothing"
        }
        #expect(
            reason(RequirementSpec(gpus: 2, gpuMemoryBytes: 20_000_000_000))
                == "no worker fits: it needs 2 GPUs with 20.0 GB, one (one) has 2 × RTX 3060 12.0 GB")
        let single = RequirementSpec(gpus: 1)
        bench.add(CoreBench.news(2, needs: single))
        _ = bench.poll("one", 1, free: 2, gpus: [0, 1], wait: 0)
        try bench.grant(needs: [2: single])
        #expect(
            reason(RequirementSpec(gpus: 2))
                == "it needs 2 GPUs of one worker at the same time, and waits for room: one (one), 1 of 2 slots busy, "
                + "1 of 2 GPUs free")
    }
}
