import CoordinatorCore
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("Trial jobs, held jobs, and why jobs wait")
struct TrialTests {
    private static let one = WorkerID("one")

    /// The oldest commit that is not of "last seen".
    private func skipSeen(_ bench: inout CoreBench) throws {
        while case .seen = bench.commits.first?.command { _ = try bench.takeCommit() }
    }

    @Test("a suspended worker gets nothing during its pause, then one job at a time, and all slots after a success")
    func trial() throws {
        var bench = CoreBench()
        try bench.register("one", slots: 4)
        bench.add(CoreBench.news(1), CoreBench.news(2), CoreBench.news(3), CoreBench.news(4))
        _ = bench.poll("one", 1, free: 1)
        #expect(try bench.grant(workers: [.suspended(Self.one, pauseSeconds: 60)]) == [1])
        // Its first job ended with that.
        bench.add(
            JobChange(row: 1, job: CoreBench.job(1), state: .failed, priority: 0, ended: CoreBench.token(1)))
        let poll = bench.poll("one", 2, free: 4, wait: 25)
        bench.tick(for: .seconds(24))
        #expect(bench.replies[poll] == nil)
        bench.tick(for: .seconds(20))
        try skipSeen(&bench)
        #expect(try bench.exchanged(poll).grants.isEmpty && bench.commits.isEmpty)
        let trial = bench.poll("one", 3, free: 4, wait: 30)
        bench.tick(for: .seconds(20))
        try skipSeen(&bench)
        #expect(try bench.grant() == [2])
        #expect(try bench.exchanged(trial).grants.count == 1)
        // One at a time.
        let next = bench.poll("one", 4, free: 3, wait: 30)
        bench.tick(for: .seconds(5))
        try skipSeen(&bench)
        #expect(bench.commits.isEmpty && bench.replies[next] == nil)
        // Another worker's exchange brings the news that it may be trusted again.
        try bench.register("two")
        _ = bench.poll("two", 1, free: 1)
        #expect(try bench.grant(workers: [.lifted(Self.one)]) == [3])
        #expect(try bench.grant() == [4])
    }

    @Test("a suspended worker is nobody's elsewhere; a user's word ends the suspension")
    func elsewhere() throws {
        var bench = CoreBench()
        try bench.register("one")
        try bench.register("two")
        bench.add(CoreBench.news(9))
        _ = bench.poll("two", 1)
        #expect(try bench.grant(workers: [.suspended(WorkerID("two"), pauseSeconds: 60)]) == [9])
        bench.add(CoreBench.news(1, avoid: Self.one))
        _ = bench.poll("one", 1, wait: 0)
        #expect(try bench.grant() == [1])
        bench.add(
            JobChange(row: 9, job: CoreBench.job(9), state: .done, priority: 0, ended: CoreBench.token(9)))
        bench.add(CoreBench.news(2))
        _ = bench.poll("two", 2, wait: 0)
        #expect(bench.commits.isEmpty)
        bench.handle(.workerChanged(WorkerID("two"), .active))
        _ = bench.poll("two", 3, wait: 0)
        #expect(try bench.grant() == [2])
    }

    @Test("a held job is given to nobody until its sweep goes on")
    func held() throws {
        var bench = CoreBench()
        try bench.register("one")
        bench.add(CoreBench.news(1))
        var news = CoreBench.news(1)
        news.isHeld = true
        news.delaySeconds = 5
        bench.add(news)
        let poll = bench.poll("one", 1)
        bench.tick(for: .seconds(10))
        #expect(bench.replies[poll] == nil && bench.commits.isEmpty && bench.core.waitingCount == 0)
        bench.add(CoreBench.news(1))
        #expect(try bench.grant() == [1])
    }

    @Test("a job goes only to a worker of its core version; one that names none runs the first")
    func coreVersion() throws {
        var bench = CoreBench()
        try bench.register("old")
        try bench.register("new", coreVersions: ["1.1", "2.1"])
        bench.add(CoreBench.news(1, needs: RequirementSpec(coreVersion: "2.1")))
        _ = bench.poll("old", 1, wait: 0)
        #expect(bench.commits.isEmpty)
        _ = bench.poll("new", 1, wait: 0)
        #expect(try bench.grant() == [1])
        bench.add(CoreBench.news(2, needs: RequirementSpec(coreVersion: "1.1")), CoreBench.news(3))
        _ = bench.poll("old", 2, free: 2, wait: 0)
        #expect(try bench.grant() == [2, 3])
    }

    @Test("a worker that says goodbye is not waited for, and its session is over")
    func goodbye() throws {
        var bench = CoreBench()
        try bench.register("one")
        try bench.register("two")
        bench.add(CoreBench.news(1, avoid: Self.one))
        let session = CoreBench.session("two")
        let poll = bench.poll("one", 1)
        #expect(bench.commits.isEmpty)
        let reply = bench.ask { .goodbye(GoodbyeRequest(session: session), $0) }
        let commit = try bench.takeCommit()
        #expect(commit.command == .goodbye(WorkerID("two"), session))
        bench.handle(.committed(commit.id, .noted))
        #expect(bench.replies[reply] == .saidGoodbye)
        #expect(try bench.grant() == [1])
        #expect(try bench.exchanged(poll).grants.count == 1)
        let late = bench.poll("two", 2)
        guard case .refused(let error) = try #require(bench.replies[late]) else {
            Issue.record("wanted unknownSession")
            return
        }
        #expect(error.code == .unknownSession)
    }

    private func reason(_ bench: CoreBench, _ row: Int64 = 1, _ change: (inout WaitingJob) -> Void = { _ in }) -> String
    {
        var job = WaitingJob(row: row, state: .waiting, needs: RequirementSpec(), name: "0123abcd")
        change(&job)
        return bench.core.waitBoard(now: bench.now).reason(job) ?? "nothing"
    }

    @Test("why a job waits is a sentence that names the thing and the remedy")
    func sentences() throws {
        var bench = CoreBench()
        #expect(reason(bench).contains("no worker is connected") && reason(bench).contains("radiata worker run"))
        #expect(reason(bench) { $0.state = .paused }.contains("`radiata unpause 0123abcd`"))
        #expect(reason(bench) { $0.state = .running } == "nothing")
        let stopped = reason(bench) { ($0.heldBy, $0.holdReason) = ("s", "3 jobs failed alike: x") }
        #expect(stopped == "sweep s is stopped: 3 jobs failed alike: x; mend it and `radiata resume s`")
        try bench.register("one", labels: ["gpu": "t4"])
        #expect(
            reason(bench) { $0.needs.labels = ["gpu": "a100"] }
                == "no worker fits: it needs label gpu=a100, one (one) has gpu=t4")
        #expect(
            reason(bench) { $0.needs.coreVersion = "2.1" }.contains("core version 2.1, one (one) has core version 1.1"))
        #expect(reason(bench).contains("take no new jobs just now"))
        _ = bench.poll("one", 1)
        #expect(reason(bench) == "it is about to be handed out")
        var delayed = CoreBench.news(5)
        delayed.delaySeconds = 300
        bench.add(delayed)
        #expect(reason(bench, 5) { $0.failure = .crash } == "its next try after it failed (crash) begins in 5 min")
        bench.add(CoreBench.news(6))
        #expect(try bench.grant(workers: [.suspended(Self.one, pauseSeconds: 60)]) == [6])
        #expect(reason(bench).contains("suspended: one (one), a trial job runs; `radiata drain one --undo`"))
        bench.handle(.workerChanged(Self.one, .active))
        #expect(reason(bench) == "all slots of the workers that fit are busy: one (one), 1 of 1 slots busy")
        bench.handle(.workerChanged(Self.one, .draining))
        #expect(reason(bench).contains("draining: one (one), `radiata drain one --undo`"))
        bench.handle(.diskChanged(isFull: true))
        #expect(reason(bench).contains("disk is full"))
    }
}
