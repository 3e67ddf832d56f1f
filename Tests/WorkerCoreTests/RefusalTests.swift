import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing
import WorkerCore

/// A final refusal is final: nothing is sent again within a second of it, and what is at fault is put aside.
@Suite("What a coordinator will never take")
struct RefusalTests {
    private let token = Bench.token(1)

    private func running() -> Bench {
        var (bench, _) = Bench.registered()
        _ = bench.answer(1, grants: [Bench.grant(1)])
        return bench
    }

    private func batches(_ effects: [WorkerEffect]) -> [(from: UInt64, count: Int?)] {
        effects.compactMap { effect in
            switch effect {
            case .sendMetrics(_, let from, let limit): (from, limit)
            case .passOver(_, let point): (point, 0)
            default: nil
            }
        }
    }

    @Test("the point at fault is found by halves, a second apart, and passed over", arguments: [1, 40, 41, 100])
    func pointAtFault(culprit: UInt64) {
        var bench = running()
        var sent = batches(bench.send(.pointsSpooled(token, total: 100)))
        var times: [MonotonicTime] = []
        var notices: [AttemptNotice] = []
        var next: UInt64 = 1
        for _ in 0..<200 where next <= 100 {
            guard let batch = sent.first else {
                // Time passes until the core wants to go on.
                bench.now = bench.now + .milliseconds(100)
                sent = batches(bench.send(.tick))
                continue
            }
            let end = batch.count == 0 ? batch.from : min(100, batch.from + UInt64(batch.count ?? 100) - 1)
            let isRefused = batch.count != 0 && (batch.from...end).contains(culprit)
            if isRefused { times.append(bench.now) }
            let answer: MetricAnswer = isRefused ? .refused("no") : .acknowledged(next: end + 1)
            if !isRefused { next = end + 1 }
            let effects = bench.send(.metricsAnswered(token, answer))
            notices += effects.spooled.flatMap { body -> [AttemptNotice] in
                if case .log(let log) = body { return log.notices ?? [] }
                return []
            }
            sent = batches(effects)
        }
        #expect(next == 101)
        #expect(times.count <= 8)
        for (one, other) in zip(times, times.dropFirst()) { #expect(other - one >= .seconds(1)) }
        #expect(notices.map(\.kind) == ["metric-refused"] && notices.map(\.count) == [1])
        // The attempt is none the worse.
        #expect(bench.send(.ended(token, .finished)).spooled == [.finished(FinishReport(streamPosition: 100))])
    }

    @Test("where nothing at all is taken the attempt is given up, and its end gets through")
    func deadStream() {
        var bench = running()
        _ = bench.send(.pointsSpooled(token, total: 4))
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5, position: 4)))
        _ = bench.send(.uploaded(token, report: 1))
        var effects: [WorkerEffect] = bench.send(.metricsAnswered(token, .refused("no")))
        for _ in 0..<100 {
            bench.now = bench.now + .milliseconds(500)
            effects += bench.send(.tick)
            if !batches(effects).isEmpty {
                let all = effects
                effects = all.filter { batches([$0]).isEmpty } + bench.send(.metricsAnswered(token, .refused("no")))
            }
        }
        #expect(effects.contains(.settle(token, report: 1)))
        let end = bench.send(.ended(token, .finished)).spooled
        guard case .failed(let failure)? = end.last else {
            Issue.record("\(end)")
            return
        }
        #expect(failure.message.contains("refused"))
        let report = SpooledReport(number: 9, body: .failed(failure))
        #expect(bench.send(.reportSpooled(token, report)).exchanges.first?.reports.map(\.body) == [.failed(failure)])
        _ = bench.send(.pointsSpooled(token, total: 9))
        #expect(batches(bench.send(.tick)).isEmpty)
    }

    @Test("an answer that says nothing of the batch is waited out, longer each time, and costs nothing")
    func delayed() {
        var bench = running()
        var sent = batches(bench.send(.pointsSpooled(token, total: 3)))
        var times: [MonotonicTime] = []
        for _ in 0..<2000 {
            if !sent.isEmpty {
                times.append(bench.now)
                sent = batches(bench.send(.metricsAnswered(token, .delayed("HTTP 500"))))
            }
            bench.now = bench.now + .milliseconds(100)
            if sent.isEmpty { sent = batches(bench.send(.tick)) }
        }
        #expect(times.count > 3 && times.count < 60)
        for (one, other) in zip(times, times.dropFirst()) { #expect(other - one >= .seconds(1)) }
        #expect(batches(bench.send(.metricsAnswered(token, .acknowledged(next: 4)))).isEmpty)
        #expect(bench.send(.ended(token, .finished)).spooled == [.finished(FinishReport(streamPosition: 3))])
    }

    @Test("of an exchange that is refused the report at fault is found and put aside; the others arrive")
    func exchange() {
        var bench = running()
        func log(_ number: UInt64) -> SpooledReport {
            SpooledReport(number: number, body: .log(LogReport(offset: number, text: "\(number)")))
        }
        var out = bench.send(.reportSpooled(token, log(1))).exchanges.first
        for number in UInt64(2)...5 { _ = bench.send(.reportSpooled(token, log(number))) }
        var accepted: [UInt64] = []
        var refusals: [MonotonicTime] = []
        var effects: [WorkerEffect] = []
        for _ in 0..<200 where accepted.count < 4 {
            guard let request = out else {
                bench.now = bench.now + .milliseconds(100)
                out = bench.send(.tick).exchanges.first { !$0.reports.isEmpty }
                continue
            }
            let offsets = request.reports.compactMap { report -> UInt64? in
                if case .log(let log) = report.body, !log.text.isEmpty { return log.offset }
                return nil
            }
            let now: [WorkerEffect]
            if offsets.contains(3) {
                refusals.append(bench.now)
                now = bench.send(.exchangeRefused(Bench.session, number: request.number, message: "too large"))
            } else {
                accepted += offsets
                now = bench.answer(request.number, outcomes: request.reports.map { _ in .accepted })
            }
            effects += now
            out = now.exchanges.first { !$0.reports.isEmpty }
        }
        #expect(accepted == [1, 2, 4, 5])
        #expect(refusals.count == 2)
        #expect(refusals[1] - refusals[0] >= .seconds(1))
        #expect(effects.contains(.settle(token, report: 3)))
        let notices = effects.spooled.compactMap { body -> String? in
            if case .log(let log) = body { return log.notices?.first?.kind }
            return nil
        }
        #expect(notices == ["report-refused"])
        // A piece of the log is no result.
        #expect(bench.send(.ended(token, .finished)).spooled == [.finished(FinishReport(streamPosition: 0))])
    }

    @Test("a poll that is refused is asked again, later each time")
    func poll() {
        var (bench, effects) = Bench.registered()
        var out = effects.exchanges.first
        var times: [MonotonicTime] = []
        for _ in 0..<3000 {
            if let request = out {
                times.append(bench.now)
                effects = bench.send(.exchangeRefused(Bench.session, number: request.number, message: "no"))
                #expect(effects.exchanges.isEmpty)
            }
            bench.now = bench.now + .milliseconds(100)
            out = bench.send(.tick).exchanges.first
        }
        #expect(times.count > 3 && times.count < 60)
        for (one, other) in zip(times, times.dropFirst()) { #expect(other - one >= .seconds(1)) }
    }

    @Test("blobs that are missing however often they are brought end the attempt, not in a hurry and not never")
    func missingBlobs() {
        var bench = running()
        var effects = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5)))
        var rounds = 0
        var settled = false
        for _ in 0..<6000 where !settled {
            while let effect = effects.first {
                effects.removeFirst()
                switch effect {
                case .upload: effects += bench.send(.uploaded(token, report: 1))
                case .exchange(let request) where !request.reports.isEmpty:
                    rounds += 1
                    effects += bench.answer(request.number, outcomes: [.missingBlobs(["x"])])
                case .settle: settled = true
                default: break
                }
            }
            bench.now = bench.now + .milliseconds(100)
            effects = bench.send(.tick)
        }
        #expect(settled)
        #expect(rounds > 2 && rounds < 20)
        guard case .failed? = bench.send(.ended(token, .finished)).spooled.last else {
            Issue.record("done without its checkpoint")
            return
        }
    }

    @Test("a heartbeat that is refused is not repeated within a second")
    func heartbeat() {
        var bench = running()
        for _ in 0..<20 {
            let effects = bench.send(.heartbeatFailed(Bench.session, isRefused: true))
            let wake = effects.compactMap { if case .wake(let due) = $0 { due } else { nil } }.min()
            if let wake { #expect(wake - bench.now >= .seconds(1)) }
            bench.now = bench.now + .seconds(30)
            _ = bench.send(.tick)
        }
    }

    @Test(
        "a state that changed after it was spooled is void while its trainer runs; a deliverable at the end is a fault")
    func void() {
        var bench = running()
        _ = bench.send(.reportSpooled(token, Bench.checkpoint(1, step: 5, isStateOnly: true)))
        #expect(bench.send(.uploadVoid(token, report: 1, message: "changed")).contains(.settle(token, report: 1)))
        #expect(bench.send(.ended(token, .finished)).spooled == [.finished(FinishReport(streamPosition: 0))])
        var other = running()
        _ = other.send(.reportSpooled(token, Bench.checkpoint(1, step: 5)))
        _ = other.send(.ended(token, .finished))
        let end = SpooledReport(number: 2, body: .finished(FinishReport(streamPosition: 0)))
        _ = other.send(.reportSpooled(token, end))
        let effects = other.send(.uploadVoid(token, report: 1, message: "changed"))
        guard case .failed? = effects.spooled.last else {
            Issue.record("\(effects)")
            return
        }
    }
}
