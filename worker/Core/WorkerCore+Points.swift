import Ports
import RunSpec
import SweepModel
import SweepWire

/// The metric stream of each attempt. A batch that is refused for good is halved until the point at fault is
/// alone; that point is then passed over, and told. Never is anything sent twice within a second of its
/// refusal.
extension WorkerCore {
    /// Between a refusal and the next try with less.
    static let refusalPause: Duration = .seconds(1)
    private static let delayBase: Duration = .seconds(1)
    private static let delayCap: Duration = .seconds(60)
    /// Points given up one by one before the stream is given up.
    private static let mostLost = 256
    /// More points than one batch has.
    private static let mostPoints = 16384

    mutating func sendMetrics(now: MonotonicTime) -> [WorkerEffect] {
        // Asked after every event, of all attempts: most have nothing to send.
        guard session != nil, attempts.values.contains(where: \.hasPoints) else { return [] }
        return order.flatMap { token -> [WorkerEffect] in
            guard var attempt = attempts[token], attempt.hasPoints, attempt.pointsNotBefore ?? now <= now
            else { return [] }
            attempt.isSendingPoints = true
            attempt.pointsNotBefore = nil
            attempts[token] = attempt
            if attempt.passesOver { return [.passOver(token, point: attempt.pointsNext)] }
            var effects = [WorkerEffect.sendMetrics(token, from: attempt.pointsNext, limit: attempt.pointLimit)]
            if Mutant.isOn("spool-trimmed-early") {
                effects.insert(.trimPoints(token, below: attempt.pointsSpooled + 1), at: 0)
            }
            return effects
        }
    }

    mutating func metricsAnswered(_ token: AttemptToken, _ answer: MetricAnswer, now: MonotonicTime) -> [WorkerEffect] {
        guard attempts[token] != nil else { return [] }
        update(token) { $0.isSendingPoints = false }
        switch answer {
        case .acknowledged(let next):
            update(token) { attempt in
                attempt.pointsNext = max(attempt.pointsNext, next)
                if Mutant.isOn("gap-accepted"), next % 5 == 0 { attempt.pointsNext = max(attempt.pointsNext, next + 2) }
                attempt.pointDelays = 0
                // Half of what was refused went through: the rest of it may hold the fault.
                if attempt.passesOver {
                    attempt.pointsLost += 1
                    attempt.pointLimit = nil
                }
                attempt.passesOver = false
            }
            return [.trimPoints(token, below: next)]
        case .gap(let expected):
            update(token) { $0.pointsNext = expected }
            return []
        case .superseded: return supersede(token)
        case .delayed(let message): return delayPoints(token, message, now)
        case .refused(let message): return refusePoints(token, message, now)
        }
    }

    private mutating func delayPoints(_ token: AttemptToken, _ message: String, _ now: MonotonicTime) -> [WorkerEffect]
    {
        let delays = attempts[token]?.pointDelays ?? 0
        let pause =
            Self.delayBase + random.fullJitter(attempt: delays, base: Self.delayBase, cap: Self.delayCap)
        update(token) { attempt in
            attempt.pointDelays += 1
            attempt.pointsNotBefore = now + pause
        }
        guard delays == 0 else { return [] }
        return [.log(WorkerLog(.warning, "metrics of job \(token.job.short) wait in the spool: \(message)"))]
    }

    private mutating func refusePoints(_ token: AttemptToken, _ message: String, _ now: MonotonicTime) -> [WorkerEffect]
    {
        guard let attempt = attempts[token] else { return [] }
        update(token) { $0.pointsNotBefore = now + Self.refusalPause }
        let waiting = Int(clamping: attempt.pointsSpooled &- attempt.pointsNext &+ 1)
        let size = min(attempt.pointLimit ?? Self.mostPoints, waiting)
        if attempt.passesOver || attempt.pointsLost >= Self.mostLost { return endStream(token, message) }
        guard size <= 1 else {
            update(token) { $0.pointLimit = size / 2 }
            let text =
                "metrics of job \(token.job.short) were refused: \(message); the point at fault is looked for and passed over"
            return attempt.pointLimit == nil ? [.log(WorkerLog(.warning, text))] : []
        }
        update(token) { $0.passesOver = true }
        let notice = AttemptNotice(
            kind: AttemptNotice.Kind.metricRefused.rawValue, count: attempt.pointsLost + 1,
            detail: "point \(attempt.pointsNext) of the metrics was refused and is passed over: \(message)")
        return [
            .spool(token, .log(LogReport(offset: 0, text: "", notices: [notice]))),
            .log(WorkerLog(.warning, notice.detail)),
        ]
    }

    /// The stream cannot go on, so nothing that depends on it can be handed in: the attempt is given up.
    private mutating func endStream(_ token: AttemptToken, _ message: String) -> [WorkerEffect] {
        let text = "metrics of job \(token.job.short) are refused, whatever they are: \(message)"
        var effects: [WorkerEffect] = [.log(WorkerLog(.warning, text))]
        update(token) { attempt in
            attempt.isStreamDead = true
            attempt.fault = text
            attempt.pointsNext = attempt.pointsSpooled + 1
            let stuck = attempt.queue.dropFirst(attempt.inFlight).filter { $0.isCheckpoint || $0.isFinished }
            effects += stuck.map { .settle(token, report: $0.number) }
            if stuck.contains(where: \.isFinished) {
                effects.append(.spool(token, .failed(FailureReport(failure: .crash, message: text))))
            }
            attempt.queue.removeAll { report in stuck.contains { $0.number == report.number } }
        }
        return effects
    }
}
