import Ports
import SweepModel
import SweepWire
import Testing
import WorkerCore

@Suite("Workers that go by themselves")
struct LeavingTests {
    let token = Bench.token(1)

    private func bench(_ change: (inout WorkerSettings) -> Void) -> Bench {
        var settings = WorkerSettings(slots: 1)
        change(&settings)
        var bench = Bench()
        bench.core = WorkerCore(settings: settings, random: SeededRandom(seed: 1))
        _ = bench.send(.begin)
        _ = bench.register(leftovers: [])
        return bench
    }

    private func seconds(_ count: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: count * 1_000_000_000) }

    @Test("an idle one ends after its time, and its waiting poll with it")
    func idle() {
        var bench = bench { $0.exitWhenIdle = .seconds(600) }
        bench.now = seconds(599)
        #expect(!bench.send(.tick).contains(.finish))
        bench.now = seconds(600)
        let leaving = bench.send(.tick)
        // The poll is ended by an exchange that asks for nothing.
        #expect(leaving.exchanges.map(\.freeSlots) == [0])
        _ = bench.answer(1)
        #expect(bench.answer(2).contains(.finish))
    }

    @Test("what was granted while it left is given back")
    func grantMeanwhile() {
        var bench = bench { $0.exitWhenIdle = .seconds(600) }
        bench.now = seconds(600)
        _ = bench.send(.tick)
        #expect(bench.answer(1, grants: [Bench.grant(1)]).spooled == [.released(ReleaseReport(reason: .drain))])
    }

    @Test("time with a job, or with something to hand in, is not idle; the clock begins anew after it")
    func busy() {
        var bench = bench { $0.exitWhenIdle = .seconds(600) }
        bench.now = seconds(500)
        #expect(bench.answer(1, grants: [Bench.grant(1)]).contains(.run(Bench.grant(1))))
        bench.now = seconds(5000)
        #expect(!bench.send(.tick).contains(.stop(token)))
        _ = bench.send(.ended(token, .finished))
        let report = SpooledReport(number: 1, body: .finished(FinishReport(streamPosition: 0)))
        let sent = bench.send(.reportSpooled(token, report))
        #expect(sent.exchanges.count == 1)
        bench.now = seconds(9000)
        #expect(!bench.send(.tick).contains(.finish), "its result is not home yet")
        _ = bench.answer(sent.exchanges.first?.number ?? 0, outcomes: [.accepted])
        bench.now = seconds(9599)
        #expect(bench.send(.tick).exchanges.allSatisfy { $0.freeSlots > 0 })
        bench.now = seconds(9600)
        #expect(bench.send(.tick).exchanges.map(\.freeSlots) == [0])
    }

    @Test("before its machine ends it drains, and hands in for as long as the machine is there")
    func end() {
        var bench = bench {
            $0.end = seconds(1000)
            $0.leave = seconds(900)
        }
        #expect(bench.answer(1, grants: [Bench.grant(1)]).contains(.run(Bench.grant(1))))
        bench.now = seconds(899)
        #expect(!bench.send(.tick).contains(.stop(token)))
        bench.now = seconds(900)
        let leaving = bench.send(.tick)
        #expect(leaving.contains(.stop(token)) && leaving.exchanges.isEmpty)
        bench.now = seconds(910)
        _ = bench.send(.ended(token, .stopped))
        // The coordinator does not answer: it goes on trying until the end, not for the usual 15 s.
        bench.now = seconds(999)
        #expect(!bench.send(.tick).contains(.finish))
        bench.now = seconds(1000)
        #expect(bench.send(.tick).contains(.finish))
    }

    @Test("a wish to stop that comes earlier has the usual patience")
    func earlier() {
        var bench = bench {
            $0.end = seconds(100_000)
            $0.leave = seconds(90_000)
        }
        #expect(bench.answer(1, grants: [Bench.grant(1)]).contains(.run(Bench.grant(1))))
        bench.now = seconds(10)
        #expect(bench.send(.stopRequested).contains(.stop(token)))
        _ = bench.send(.ended(token, .stopped))
        bench.now = seconds(25)
        #expect(bench.send(.tick).contains(.finish))
    }
}
