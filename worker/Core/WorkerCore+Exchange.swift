import Ports
import SweepModel
import SweepWire

extension WorkerCore {
    /// Most reports in one exchange; evaluation and log reports are up to some ten kilobytes each.
    private static let mostReports = 32

    mutating func registered(_ session: SessionID, _ response: RegisterResponse, now: MonotonicTime) -> [WorkerEffect] {
        isRegistering = false
        self.session = session
        sessionBegin = now
        lastNumber = 0
        poll = nil
        reporting = nil
        isHeartbeatInFlight = false
        failedHeartbeats = 0
        heartbeatInterval = .seconds(max(0.01, response.heartbeatSeconds))
        nextHeartbeat = now
        for token in order { update(token) { $0.inFlight = 0 } }
        // What the ledger still holds open for us and of which nothing is left here: give it back.
        return response.leftovers.filter { attempts[$0] == nil }.flatMap { token -> [WorkerEffect] in
            hold(HeldAttempt(token: token, phase: .reporting))
            return [.spool(token, .released(ReleaseReport(reason: .restart)))]
        }
    }

    /// A coordinator that started anew, or another process that registered as this worker. Two of one identity (a copied
    /// work folder) end each other's sessions in turns: after two sessions in a row that lasted no three heartbeats,
    /// registering waits longer each time, so that they neither flood the coordinator nor keep each other from working.
    mutating func sessionLost(_ lost: SessionID, now: MonotonicTime) -> [WorkerEffect] {
        guard lost == session, !isRegistering else { return [] }
        let lasted = sessionBegin.map { now - $0 } ?? .zero
        quickLosses = lasted < heartbeatInterval * 3 ? quickLosses + 1 : 0
        session = nil
        nextHeartbeat = nil
        isRegistering = true
        guard quickLosses > 2 else {
            return [
                .register,
                .log(WorkerLog(.warning, "the coordinator does not know this session any more; registering again")),
            ]
        }
        let pause = random.fullJitter(attempt: quickLosses - 2, base: .seconds(2), cap: .seconds(60))
        nextRegistration = now + .seconds(1) + pause
        guard quickLosses == 3 else { return [] }
        let text =
            "this worker's sessions end as soon as they begin: another process seems to run with the same identity "
            + "(a copied work folder?); give each worker a folder of its own. Trying again more and more slowly"
        return [.log(WorkerLog(.warning, text))]
    }

    var freeSlots: Int {
        guard !isDraining, !isStopping, !isDiskLow else { return 0 }
        let running = attempts.values.count { $0.phase == .running }
        // Attempts that only report take no slot, but they must not pile up without bound while uploads are slow.
        let waiting = attempts.count - running
        return max(0, min(settings.slots - running, 4 * settings.slots + 8 - waiting))
    }

    /// Sends what is ready, or waits for jobs.
    mutating func exchange() -> [WorkerEffect] {
        guard let session, reporting == nil else { return [] }
        let (reports, counts) = readyReports()
        if !reports.isEmpty || (isStopping && poll != nil) {
            // While a poll may be bringing jobs already, asking for more could bring too many.
            let free = poll == nil ? freeSlots : 0
            lastNumber += 1
            for (token, count) in counts { update(token) { $0.inFlight = count } }
            reporting = (lastNumber, counts)
            return [
                .exchange(
                    ExchangeRequest(
                        session: session, number: lastNumber, reports: reports, freeSlots: free, waitSeconds: 0))
            ]
        }
        guard poll == nil, freeSlots > 0 else { return [] }
        lastNumber += 1
        poll = lastNumber
        return [
            .exchange(
                ExchangeRequest(
                    session: session, number: lastNumber, reports: [], freeSlots: freeSlots,
                    waitSeconds: WireLimit.waitSeconds))
        ]
    }

    private func readyReports() -> (reports: [Report], counts: [(token: AttemptToken, count: Int)]) {
        var reports: [Report] = []
        var counts: [(token: AttemptToken, count: Int)] = []
        for token in order {
            guard let attempt = attempts[token] else { continue }
            let ready = attempt.queue.prefix { attempt.isReady($0) }.prefix(Self.mostReports - reports.count)
            guard !ready.isEmpty else { continue }
            reports += ready.map { Report(token: token, $0.body) }
            counts.append((token, ready.count))
        }
        return (reports, counts)
    }

    mutating func exchanged(_ session: SessionID, _ response: ExchangeResponse, now: MonotonicTime) -> [WorkerEffect] {
        guard session == self.session else { return [] }
        var effects: [WorkerEffect] = []
        if response.number == poll {
            poll = nil
        } else if let sent = reporting, response.number == sent.number {
            reporting = nil
            effects += settle(sent.counts, response.outcomes)
        }
        for order in response.stops { effects += stop(order.token, order.reason) }
        for grant in response.grants { effects += take(grant) }
        return effects
    }

    /// Outcomes come in the order of the reports: attempt by attempt, each in the order of its queue.
    private mutating func settle(_ counts: [(token: AttemptToken, count: Int)], _ outcomes: [ReportOutcome])
        -> [WorkerEffect]
    {
        var effects: [WorkerEffect] = []
        var rest = outcomes[...]
        for (token, count) in counts {
            let mine = rest.prefix(count)
            rest = rest.dropFirst(mine.count)
            update(token) { $0.inFlight = 0 }
            for outcome in mine {
                guard let report = attempts[token]?.queue.first else { break }
                let (isSettled, more) = judge(token, report, outcome)
                effects += more
                guard isSettled else { break }
            }
        }
        return effects
    }

    private mutating func judge(_ token: AttemptToken, _ report: SpooledReport, _ outcome: ReportOutcome)
        -> (isSettled: Bool, effects: [WorkerEffect])
    {
        func settled() -> [WorkerEffect] {
            update(token) { attempt in
                attempt.queue.removeFirst()
                attempt.uploaded.remove(report.number)
            }
            guard report.isFinal else { return [.settle(token, report: report.number)] }
            forget(token)
            return [.settle(token, report: report.number), .discard(token)]
        }
        switch outcome.code {
        case .accepted: return (true, settled())
        case .superseded: return (false, supersede(token))
        case .gap:
            update(token) { $0.pointsNext = outcome.expected ?? 1 }
            return (false, [])
        case .missingBlobs:
            update(token) { $0.uploaded.remove(report.number) }
            return (false, [])
        case .notTried: return (false, [])
        case .refused:
            let text =
                "a report of job \(token.job.short) was refused: \(outcome.message ?? "no reason given")"
            if !report.isFinal { update(token) { $0.fault = text } }
            return (true, settled() + [.log(WorkerLog(.warning, text))])
        }
    }
}
