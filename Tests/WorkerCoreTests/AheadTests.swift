import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing
import WorkerCore

@Suite("Jobs are claimed ahead while they end as soon as they begin")
struct AheadTests {
    /// Most jobs that a worker of one slot holds.
    private static let most = 17

    /// A worker of one slot that has seen enough quick jobs; the exchange under way handed the last one in,
    /// and asks for more.
    private static func quick() -> (bench: Bench, asked: ExchangeRequest?) {
        var (bench, effects) = Bench.registered()
        for job in 1...4 {
            // The poll brings the next one; the exchange after it carries the end of the last.
            _ = bench.answer(effects.exchanges.first?.number ?? 0, grants: [Bench.grant(job)])
            if job > 1 { _ = bench.answer(effects.exchanges.last?.number ?? 0, outcomes: [.accepted]) }
            effects = end(job, &bench)
        }
        return (bench, effects.exchanges.last)
    }

    private static func end(_ job: Int, _ bench: inout Bench, _ end: AttemptEnd = .finished) -> [WorkerEffect] {
        let ended = bench.send(.ended(Bench.token(job), end))
        guard let report = ended.spooled.last else { return ended }
        return ended + bench.send(.reportSpooled(Bench.token(job), SpooledReport(number: 1, body: report)))
    }

    private static func grants(_ jobs: ClosedRange<Int>) -> [Grant] { jobs.map { Bench.grant($0) } }

    /// What it begins to run.
    private static func begun(_ effects: [WorkerEffect]) -> [AttemptToken] {
        effects.compactMap { if case .run(let grant, _) = $0 { grant.token } else { nil } }
    }

    @Test("after some quick ends more jobs are asked for than there are slots, and run one after the other")
    func claims() {
        var (bench, asked) = Self.quick()
        #expect(asked?.freeSlots == Self.most)
        let first = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...9))
        #expect(Self.begun(first) == [Bench.token(5)])
        #expect(first.exchanges.isEmpty)
        #expect(Self.begun(bench.send(.ended(Bench.token(5), .finished))) == [Bench.token(6)])
    }

    @Test("ends are handed in together, before the claimed jobs run out, and at the latest after 20 ms")
    func together() {
        var (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...21))
        for job in 5...11 { #expect(Self.end(job, &bench).exchanges.isEmpty) }
        let sent = Self.end(12, &bench).exchanges
        #expect(sent.map(\.reports.count) == [8])
        #expect(sent.map(\.freeSlots) == [8])

        (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...21))
        let waits = Self.end(5, &bench)
        #expect(waits.exchanges.isEmpty)
        bench.now = bench.now + .milliseconds(20)
        #expect(waits.wakes.contains(bench.now))
        #expect(bench.send(.tick).exchanges.map(\.reports.count) == [1])
    }

    @Test("what waits a second for a slot is given back, and nothing more is claimed ahead")
    func slow() {
        var (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...7))
        bench.now = bench.now + .seconds(1)
        let released = Report.Body.released(ReleaseReport(reason: .restart))
        #expect(bench.send(.tick).spooled == [released, released])
        for job in 6...7 {
            let number =
                bench.send(.reportSpooled(Bench.token(job), SpooledReport(number: 1, body: released)))
                .exchanges.last?.number ?? 0
            #expect(bench.answer(number, outcomes: [.accepted]).contains(.discard(Bench.token(job))))
        }
        #expect(bench.core.heldAttempts == [Bench.token(5)])
        #expect(Self.end(5, &bench).exchanges.map(\.freeSlots) == [1, 0])
    }

    @Test("a job that fails, or takes longer, ends the claiming")
    func failure() {
        let crash = AttemptEnd.failed(FailureReport(failure: .crash, message: "exited with 1"))
        for (end, pause) in [(crash, Duration.zero), (.finished, .milliseconds(50))] {
            var (bench, asked) = Self.quick()
            _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...5))
            bench.now = bench.now + pause
            #expect(Self.end(5, &bench, end).exchanges.map(\.freeSlots) == [1, 0])
        }
    }

    @Test("a job that fails sends back what was claimed behind it; one that takes longer does not")
    func failureBeforeOthers() {
        let crash = AttemptEnd.failed(FailureReport(failure: .crash, message: "exited with 1"))
        var (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...9))
        let ended = bench.send(.ended(Bench.token(5), crash))
        #expect(Self.begun(ended).isEmpty)
        let released = Report.Body.released(ReleaseReport(reason: .restart))
        #expect(ended.spooled.dropFirst() == Array(repeating: released, count: 4)[...])

        (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...9))
        bench.now = bench.now + .milliseconds(50)
        let later = bench.send(.ended(Bench.token(5), .finished))
        #expect(Self.begun(later) == [Bench.token(6)] && later.spooled.count == 1)
        // Nothing more is claimed until some were quick again, and what waits is given back after its second.
        bench.now = bench.now + .milliseconds(950)
        #expect(bench.send(.tick).spooled == [released, released, released])
    }

    @Test("a claimed job is given back at once when it is to stop, and never begins when it was superseded")
    func stops() {
        var (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...7))
        let paused = bench.heartbeatAnswer([(Bench.token(6), .pause), (Bench.token(7), .superseded)])
        #expect(paused.spooled == [.released(ReleaseReport(reason: .pause))])
        #expect(paused.contains(.discard(Bench.token(7))))
        #expect(!paused.contains(.kill(Bench.token(7))))
        #expect(Self.begun(bench.send(.ended(Bench.token(5), .finished))).isEmpty)
    }

    @Test("a worker that stops gives back what it claimed")
    func leaves() {
        var (bench, asked) = Self.quick()
        _ = bench.answer(asked?.number ?? 0, outcomes: [.accepted], grants: Self.grants(5...7))
        let stopping = bench.send(.stopRequested)
        #expect(stopping.contains(.stop(Bench.token(5))))
        let released = Report.Body.released(ReleaseReport(reason: .drain))
        #expect(stopping.spooled == [released, released])
    }
}
