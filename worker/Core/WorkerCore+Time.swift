import Ports
import SweepModel
import SweepWire

extension WorkerCore {
    mutating func heartbeatAnswered(
        _ session: SessionID, _ tokens: [AttemptToken], _ response: HeartbeatResponse, now: MonotonicTime
    ) -> [WorkerEffect] {
        // Who was superseded stays it, whatever session asked; all else is for the session of now to say.
        guard session == self.session else {
            return zip(tokens, response.verdicts).flatMap { $1 == .superseded ? supersede($0) : [] }
        }
        isHeartbeatInFlight = false
        var effects: [WorkerEffect] = []
        if failedHeartbeats >= 3 { effects.append(.log(WorkerLog(.info, "the coordinator answers again"))) }
        failedHeartbeats = 0
        nextOutageLog = nil
        // While somebody watches, what the attempts do is told more often, never more seldom.
        let watched = response.watchedSeconds.map { Duration.seconds(max(0.5, $0)) }
        isDraining = response.isDraining
        longestPoll = response.waitSeconds == nil ? WireLimit.waitSeconds : WireLimit.longestWaitSeconds
        // Who waits has no lease to lose and nothing to tell; that it is there its poll says too.
        let isWaiting = attempts.isEmpty && poll != nil && !isDraining && !isStopping
        let pace =
            isWaiting
            ? max(heartbeatInterval * WireLimit.waitingBeats, .seconds(min(3600, response.waitSeconds ?? 0)))
            : min(heartbeatInterval, watched ?? heartbeatInterval)
        nextHeartbeat = now + pace * (0.8 + 0.4 * random.unit())
        for (token, verdict) in zip(tokens, response.verdicts) {
            switch verdict {
            case .fine: break
            case .superseded: effects += supersede(token)
            case .pause: effects += stop(token, .pause)
            case .cancel: effects += stop(token, .cancel)
            case .drain: effects += stop(token, .drain)
            case .finish: effects += stop(token, .finish)
            }
        }
        return effects
    }

    /// An outage changes nothing: training goes on, the spool grows, the heartbeat is tried again.
    mutating func heartbeatFailed(_ session: SessionID, isRefused: Bool, now: MonotonicTime) -> [WorkerEffect] {
        guard session == self.session else { return [] }
        isHeartbeatInFlight = false
        failedHeartbeats += 1
        let jitter = random.fullJitter(attempt: failedHeartbeats, base: .milliseconds(500), cap: heartbeatInterval)
        // Who answers with a refusal is not asked the same at once.
        nextHeartbeat = now + (isRefused ? Self.refusalPause + jitter : jitter)
        guard failedHeartbeats >= 3, nextOutageLog ?? now <= now else { return [] }
        nextOutageLog = now + .seconds(60)
        let what = failedHeartbeats == 3 ? "does not answer" : "still does not answer"
        return [
            .log(WorkerLog(.warning, "the coordinator \(what); training goes on, results wait in the spool"))
        ]
    }

    mutating func stopRequested(now: MonotonicTime) -> [WorkerEffect] {
        guard !isStopping else { return [] }
        isStopping = true
        return order.flatMap { stop($0, .drain) }
    }

    /// The machine ends soon, or there has been nothing to do for so long that it is given back.
    mutating func leaveIfDue(now: MonotonicTime) -> [WorkerEffect] {
        if settings.exitWhenIdle != nil { idleSince = attempts.isEmpty ? idleSince ?? now : nil }
        guard !isStopping else { return [] }
        if let leave = settings.leave, leave <= now {
            return [.log(WorkerLog(.info, "the time of this worker is over: it stops, and hands in what there is"))]
                + stopRequested(now: now)
        }
        if let due = idleDeadline, due <= now {
            return [.log(WorkerLog(.info, "there was nothing to do for a while: this worker ends"))]
                + stopRequested(now: now)
        }
        return []
    }

    private var idleDeadline: MonotonicTime? {
        settings.exitWhenIdle.flatMap { limit in idleSince.map { $0 + limit } }
    }

    mutating func tick(now: MonotonicTime) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        for token in order {
            guard let attempt = attempts[token], let deadline = attempt.deadline, deadline <= now else { continue }
            update(token) { attempt in
                attempt.deadline = nil
                attempt.isTimedOut = true
            }
            effects.append(.kill(token))
        }
        return effects
    }

    /// The heartbeat that is due, the end of a stop, and when to be called next.
    mutating func keepTime(now: MonotonicTime) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        if let due = nextRegistration, due <= now {
            nextRegistration = nil
            effects.append(.register)
        }
        if let session, let due = nextHeartbeat, due <= now, !isHeartbeatInFlight {
            isHeartbeatInFlight = true
            nextHeartbeat = nil
            let progress = order.compactMap { attempts[$0]?.progress }
            effects.append(.heartbeat(HeartbeatRequest(session: session, attempts: progress)))
        }
        if isStopping {
            let isRunning = attempts.values.contains { $0.phase == .running }
            if !isRunning, farewellDeadline == nil {
                // Where the machine's end is known, all the time until then is used to hand in what was made.
                let isLeaving = settings.leave.map { $0 <= now } ?? false
                farewellDeadline = max(now + settings.farewell, isLeaving ? settings.end ?? .zero : .zero)
            }
            let isOver = farewellDeadline.map { $0 <= now } ?? false
            if (attempts.isEmpty && reporting == nil && poll == nil) || isOver {
                isFinished = true
                if !attempts.isEmpty {
                    let text =
                        "\(attempts.count) attempts could not be handed in; they are sent when this worker starts again"
                    effects.append(.log(WorkerLog(.warning, text)))
                }
                return effects + [.finish]
            }
        }
        let leaving = isStopping ? [] : [idleDeadline, settings.leave]
        var next = ([nextHeartbeat, nextRegistration, farewellDeadline] + leaving).compactMap { $0 }.min()
        func add(_ time: MonotonicTime?) { if let time { next = min(next ?? time, time) } }
        // A pause that is over was used, or waits for a session, which comes with an event of its own.
        func add(pause: MonotonicTime?) { if let pause, pause > now { add(pause) } }
        for pause in [exchangeNotBefore, endsDue, claimsDue] { add(pause: pause) }
        for attempt in attempts.values {
            add(attempt.deadline)
            add(pause: attempt.pointsNotBefore)
            add(pause: attempt.reportsNotBefore)
        }
        if let next, next != nextWake { effects.append(.wake(next)) }
        nextWake = next
        return effects
    }
}
