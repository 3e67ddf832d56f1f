import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing
import WorkerCore

@Suite("The worker's decisions")
struct WorkerCoreTests {
    let token = Bench.token(1)

    /// A bench whose only attempt runs, with the poll for the second slot on its way (number 2).
    private func running(slots: Int = 2) -> Bench {
        var (bench, _) = Bench.registered(slots: slots)
        _ = bench.answer(1, grants: [Bench.grant(1)])
        _ = bench.send(.started(token))
        return bench
    }

    @Test("once registered it sends a heartbeat and asks for as many jobs as it has slots")
    func begins() {
        let (_, effects) = Bench.registered(slots: 3)
        #expect(effects.heartbeats.count == 1)
        #expect(effects.exchanges.map(\.freeSlots) == [3])
        #expect(effects.exchanges.map(\.number) == [1])
        #expect(effects.exchanges.map(\.waitSeconds) == [WireLimit.waitSeconds])
    }

    @Test("a grant is run once, however often it is repeated")
    func repeatedGrant() {
        var (bench, _) = Bench.registered(slots: 2)
        let first = bench.answer(1, grants: [Bench.grant(1)])
        #expect(first.contains(.run(Bench.grant(1))))
        #expect(first.exchanges.map(\.freeSlots) == [1])
        let again = bench.answer(2, grants: [Bench.grant(1)])
        #expect(!again.contains(.run(Bench.grant(1))))
    }

    @Test("attempts of an earlier run that left nothing here are given back")
    func leftovers() {
        let (_, effects) = Bench.registered(leftovers: [token])
        #expect(effects.spooled == [.released(ReleaseReport(reason: .restart))])
    }

    @Test("a recovered stream is sent from the first number that the spool still holds")
    func recoveredStream() {
        var bench = Bench()
        _ = bench.send(.begin)
        _ = bench.send(.recovered(token, pointsFrom: 50_001))
        _ = bench.send(.pointsSpooled(token, total: 50_010))
        #expect(bench.register(leftovers: [token]).contains(.sendMetrics(token, from: 50_001)))
    }

    @Test("a report of points that the spool of an earlier run lost is given up, not waited for")
    func lostPoints() {
        var bench = Bench()
        _ = bench.send(.begin)
        _ = bench.send(.recovered(token, pointsFrom: 1))
        _ = bench.send(.pointsSpooled(token, total: 3))
        let refused = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5, position: 5)))
        #expect(refused.contains(.settle(token, report: 1)))
        // What ended well is no result without them.
        let end = SpooledReport(number: 2, body: .finished(FinishReport(streamPosition: 5)))
        let failed = bench.send(.reportSpooled(token, end)).spooled
        guard case .failed(let failure)? = failed.first else {
            Issue.record("\(failed)")
            return
        }
        #expect(failure.failure == .crash)
        #expect(failure.message.contains("lost points"))
    }

    @Test("an answer to a heartbeat of an earlier session still says who was superseded")
    func lateVerdict() {
        var bench = running()
        let old = Bench.session
        _ = bench.send(.sessionLost(old))
        let late = bench.send(
            .heartbeatAnswered(
                old, attempts: [token], HeartbeatResponse(verdicts: [.superseded], isDraining: false)))
        #expect(late.contains(.discard(token)))
    }

    @Test("a checkpoint is reported after its blobs and its metrics are with the coordinator, not before")
    func checkpointOrder() {
        var bench = running()
        #expect(bench.send(.pointsSpooled(token, total: 5)).contains(.sendMetrics(token, from: 1)))
        let spooled = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5, position: 5)))
        #expect(spooled.contains(.upload(token, report: 1)))
        #expect(bench.send(.uploaded(token, report: 1)).exchanges.isEmpty)
        let ready = bench.send(.metricsAnswered(token, .acknowledged(next: 6)))
        #expect(ready.contains(.trimPoints(token, below: 6)))
        #expect(ready.exchanges.first?.reports.count == 1)
        // The poll that is out could still bring a job: nothing more is asked for beside it.
        #expect(ready.exchanges.first?.freeSlots == 0)
    }

    @Test("the final report waits for every point and closes the attempt")
    func finish() {
        var bench = running()
        _ = bench.send(.pointsSpooled(token, total: 3))
        let ended = bench.send(.ended(token, .finished))
        #expect(ended.spooled == [.finished(FinishReport(streamPosition: 3))])
        let report = SpooledReport(number: 1, body: .finished(FinishReport(streamPosition: 3)))
        #expect(bench.send(.reportSpooled(token, report)).exchanges.isEmpty)
        let sent = bench.send(.metricsAnswered(token, .acknowledged(next: 4))).exchanges
        #expect(sent.first?.reports.count == 1)
        let closed = bench.answer(sent.first?.number ?? 0, outcomes: [.accepted])
        #expect(closed.contains(.discard(token)))
        #expect(bench.core.heldAttempts.isEmpty)
    }

    @Test("what is superseded is killed and forgotten at once", arguments: [true, false])
    func superseded(byHeartbeat: Bool) {
        var bench = running()
        let effects =
            byHeartbeat
            ? bench.heartbeatAnswer([(token, .superseded)])
            : bench.send(.metricsAnswered(token, .superseded))
        #expect(effects.contains(.kill(token)))
        #expect(effects.contains(.discard(token)))
        #expect(bench.core.heldAttempts.isEmpty)
        #expect(bench.send(.ended(token, .finished)).spooled.isEmpty)
    }

    @Test("after a gap the stream is sent again from the number expected, then the report again")
    func gap() {
        var bench = running()
        _ = bench.send(.pointsSpooled(token, total: 5))
        _ = bench.send(.metricsAnswered(token, .acknowledged(next: 6)))
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5, position: 5)))
        let number = bench.send(.uploaded(token, report: 1)).exchanges[0].number
        let gap = bench.answer(number, outcomes: [.gap(expected: 2)])
        #expect(gap.contains(.sendMetrics(token, from: 2)))
        let again = bench.send(.metricsAnswered(token, .acknowledged(next: 6)))
        #expect(again.exchanges.first?.reports.count == 1)
    }

    @Test("outcomes count for the attempts they were sent for, even if one was superseded meanwhile")
    func outcomesStayAligned() {
        var (bench, _) = Bench.registered(slots: 2)
        let other = Bench.token(2)
        _ = bench.answer(1, grants: [Bench.grant(1), Bench.grant(2)])
        _ = bench.send(.ended(token, .stopped))
        // The first report leaves at once; the two that come while it is on its way leave together.
        let log = SpooledReport(number: 1, body: .log(LogReport(offset: 0, text: "x")))
        let first = bench.send(.reportSpooled(other, log)).exchanges[0].number
        let release = ReleaseReport(reason: .drain)
        _ = bench.send(.reportSpooled(token, SpooledReport(number: 1, body: .released(release))))
        _ = bench.send(.reportSpooled(other, SpooledReport(number: 2, body: .released(release))))
        let second = bench.answer(first, outcomes: [.accepted]).exchanges.first { !$0.reports.isEmpty }
        #expect(second?.reports.map(\.token) == [token, other])
        _ = bench.heartbeatAnswer([(token, .superseded), (other, .fine)])
        let closed = bench.answer(second?.number ?? 0, outcomes: [.superseded, .accepted])
        #expect(closed.contains(.discard(other)))
    }

    @Test("a job whose adapter cannot be handed in is not reported as done", arguments: [true, false])
    func adapterNotUploaded(endIsSpooled: Bool) {
        var bench = running()
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5)))
        #expect(bench.send(.ended(token, .finished)).spooled == [.finished(FinishReport(streamPosition: 0))])
        let end = SpooledReport(number: 2, body: .finished(FinishReport(streamPosition: 0)))
        let failure = Report.Body.failed(FailureReport(failure: .crash, message: "no such file"))
        if endIsSpooled { _ = bench.send(.reportSpooled(token, end)) }
        var effects = bench.send(.uploadFailed(token, report: 1, message: "no such file"))
        if !endIsSpooled { effects += bench.send(.reportSpooled(token, end)) }
        #expect(effects.contains(.settle(token, report: 1)) && effects.contains(.settle(token, report: 2)))
        #expect(effects.spooled == [failure])
        let reports = bench.send(.reportSpooled(token, SpooledReport(number: 3, body: failure))).exchanges
            .flatMap(\.reports)
        #expect(reports.map(\.body) == [failure])
    }

    @Test("only the newest waiting state is kept; deliverables all are")
    func statesReplaceStates() {
        var bench = running()
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 1, isStateOnly: true)))  // under way
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(2, step: 2, isStateOnly: true)))
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(3, step: 3)))
        let effects = bench.send(.reportSpooled(token, Bench.checkpoint(4, step: 4, isStateOnly: true)))
        #expect(effects.contains(.settle(token, report: 2)))
        #expect(bench.send(.uploaded(token, report: 1)).contains(.upload(token, report: 3)))
    }

    @Test(
        "an end after a wish to stop is a release for that reason, not a failure",
        arguments: [
            (StopReason.pause, ReleaseReport.Reason.pause), (.drain, .drain), (.cancel, .cancel),
        ])
    func stops(reason: StopReason, expected: ReleaseReport.Reason) {
        var bench = running()
        let stop = bench.answer(2, stops: [StopOrder(token: token, reason: reason)])
        #expect(stop.contains(reason == .cancel ? .kill(token) : .stop(token)))
        let failure = FailureReport(failure: .killed, message: "ended by a signal")
        #expect(bench.send(.ended(token, .failed(failure))).spooled == [.released(ReleaseReport(reason: expected))])
    }

    @Test("a job that exceeds its time limit is killed and reported as a timeout")
    func timeLimit() {
        var (bench, _) = Bench.registered()
        _ = bench.answer(1, grants: [Bench.grant(1, timeout: 100)])
        _ = bench.send(.started(token))
        bench.now = bench.now + .seconds(100)
        #expect(bench.send(.tick).contains(.kill(token)))
        let ended = bench.send(.ended(token, .failed(FailureReport(failure: .killed, message: ""))))
        guard case .failed(let failure) = ended.spooled.first else {
            Issue.record("no failure: \(ended)")
            return
        }
        #expect(failure.failure == .timeout)
    }

    @Test("heartbeats name every attempt held and come at the coordinator's interval, give or take a fifth")
    func heartbeats() {
        var bench = running()
        let answered = bench.heartbeatAnswer([])
        guard case .wake(let due) = answered.last else {
            Issue.record("no wake: \(answered)")
            return
        }
        #expect((Duration.seconds(8) ... .seconds(12)).contains(due - bench.now))
        bench.now = due
        #expect(bench.send(.tick).heartbeats.map { $0.attempts.map(\.token) } == [[token]])
        #expect(bench.send(.tick).heartbeats.isEmpty)
    }

    @Test("a worker that waits for a job sends a third of the heartbeats, until it has one or is drained")
    func idleHeartbeats() throws {
        var (bench, _) = Bench.registered()
        let idle = try #require(bench.heartbeatAnswer([]).wakes.last)
        #expect((Duration.seconds(24) ... .seconds(36)).contains(idle - bench.now))
        bench.now = bench.now + .seconds(5)
        let busy = try #require(bench.answer(1, grants: [Bench.grant(1)]).wakes.last)
        #expect(busy - bench.now == .seconds(10))

        var (drained, _) = Bench.registered()
        let usual = try #require(drained.heartbeatAnswer([], draining: true).wakes.last)
        #expect((Duration.seconds(8) ... .seconds(12)).contains(usual - drained.now))
    }

    @Test("one of many that wait sends heartbeats as seldom as it is told, until it has a job or is drained")
    func seldomHeartbeats() throws {
        var (bench, _) = Bench.registered()
        let idle = try #require(bench.heartbeatAnswer([], wait: 55).wakes.last)
        #expect((Duration.seconds(44) ... .seconds(66)).contains(idle - bench.now))
        // Its next poll may last as long as many need.
        #expect(bench.answer(1, grants: []).exchanges.map(\.waitSeconds) == [WireLimit.longestWaitSeconds])
        bench.now = bench.now + .seconds(5)
        let busy = try #require(bench.answer(2, grants: [Bench.grant(1)]).wakes.last)
        #expect(busy - bench.now == .seconds(10))

        var (drained, _) = Bench.registered()
        let usual = try #require(drained.heartbeatAnswer([], draining: true, wait: 55).wakes.last)
        #expect((Duration.seconds(8) ... .seconds(12)).contains(usual - drained.now))
        // Less than usual is no wish of a coordinator.
        var (hasty, _) = Bench.registered()
        let next = try #require(hasty.heartbeatAnswer([], wait: 1).wakes.last)
        #expect(next - hasty.now >= .seconds(24))
    }

    @Test("an outage stops no trainer")
    func outage() {
        var bench = running()
        for _ in 0..<10 {
            let effects = bench.send(.heartbeatFailed(Bench.session))
            #expect(!effects.contains(.kill(token)) && !effects.contains(.stop(token)))
            bench.now = bench.now + .seconds(60)
        }
        #expect(bench.core.heldAttempts == [token])
    }

    @Test("sessions that end as soon as they begin are begun more and more slowly, and one that lasts forgives")
    func twins() {
        var (bench, _) = Bench.registered()
        var waits: [Duration] = []
        for _ in 0..<12 {
            let effects = bench.send(.sessionLost(Bench.session))
            if effects.contains(.register) {
                waits.append(.zero)
            } else {
                let lost = bench.now
                var wakes = effects.compactMap { if case .wake(let at) = $0 { at } else { nil } }
                var answered: [WorkerEffect] = []
                while !answered.contains(.register), let next = wakes.first {
                    bench.now = next
                    answered = bench.send(.tick)
                    wakes = answered.compactMap { if case .wake(let at) = $0 { at } else { nil } }
                }
                #expect(answered.count { $0 == .register } == 1)
                waits.append(bench.now - lost)
            }
            _ = bench.register(leftovers: [])
        }
        #expect(waits.prefix(2) == [.zero, .zero])
        #expect(waits.dropFirst(2).allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(61) })
        #expect(waits.dropFirst(2).reduce(.zero, +) > .seconds(60))

        bench.now = bench.now + .seconds(31)
        #expect(bench.send(.sessionLost(Bench.session)).contains(.register))
    }

    @Test("a lost session is made anew; what runs goes on")
    func sessionLost() {
        var bench = running()
        #expect(bench.send(.sessionLost(Bench.session)).contains(.register))
        #expect(bench.send(.sessionLost(Bench.session)).isEmpty)
        let second = SessionID(rawValue: String(repeating: "b", count: 32))
        let response = RegisterResponse(
            ledger: "ledger", epoch: 1, leaseSeconds: 60, heartbeatSeconds: 10, leftovers: [token])
        let effects = bench.send(.registered(second, response))
        #expect(effects.spooled.isEmpty)
        #expect(effects.heartbeats.map { $0.attempts.map(\.token) } == [[token]])
        #expect(effects.exchanges.map(\.number) == [1])
    }

    @Test("a draining worker asks for nothing")
    func draining() {
        var (bench, _) = Bench.registered(slots: 2)
        _ = bench.heartbeatAnswer([], draining: true)
        #expect(bench.answer(1).exchanges.isEmpty)
        bench.now = bench.now + .seconds(60)
        _ = bench.send(.tick)
        #expect(bench.heartbeatAnswer([], draining: false).exchanges.count == 1)
    }

    @Test("a worker asked to stop ends its poll, stops its trainers, hands in what they leave, and is done")
    func stopping() {
        var bench = running()
        let stop = bench.send(.stopRequested)
        #expect(stop.contains(.stop(token)))
        #expect(stop.exchanges.map(\.freeSlots) == [0])
        _ = bench.answer(2)
        _ = bench.answer(stop.exchanges[0].number)
        let release = Report.Body.released(ReleaseReport(reason: .drain))
        #expect(bench.send(.ended(token, .stopped)).spooled == [release])
        let sent = bench.send(.reportSpooled(token, SpooledReport(number: 1, body: release))).exchanges
        #expect(bench.answer(sent[0].number, outcomes: [.accepted]).last == .finish)
    }

    @Test("a job that arrives while the worker stops is given back")
    func lateGrant() {
        var (bench, _) = Bench.registered()
        _ = bench.send(.stopRequested)
        let effects = bench.answer(1, grants: [Bench.grant(1)])
        #expect(effects.spooled == [.released(ReleaseReport(reason: .drain))])
    }

    @Test("a worker that stops during an outage leaves its spool for the next start")
    func farewell() {
        var bench = running()
        _ = bench.send(.stopRequested)
        _ = bench.send(.ended(token, .stopped))
        bench.now = bench.now + .seconds(14)
        #expect(!bench.send(.tick).contains(.finish))
        bench.now = bench.now + .seconds(2)
        #expect(bench.send(.tick).contains(.finish))
    }
}
