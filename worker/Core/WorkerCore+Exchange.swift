import Ports
import RunSpec
import SweepModel
import SweepWire

extension WorkerCore {
    /// Most reports in one exchange; evaluation and log reports are up to some ten kilobytes each.
    private static let mostReports = 32
    /// Most bytes of them, about; a body has at most ``WireLimit/control``.
    private static let mostBytes = WireLimit.control / 2
    /// How often a report is sent back for blobs that are there before it counts as refused.
    private static let mostSentBack = 8

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
            hold(HeldAttempt(token: token, phase: .reporting, since: now))
            return [.spool(token, .released(ReleaseReport(reason: .restart)))]
        }
    }

    /// A coordinator that started anew, or another process that registered as this worker. Two of one
    /// identity (a copied work folder) end each other's sessions in turns: after two sessions in a row that
    /// lasted no three heartbeats, registering waits longer each time, so that they neither flood the
    /// coordinator nor keep each other from working.
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

    /// - Parameter ahead: jobs that may be claimed before there is a slot for them.
    func freeSlots(ahead: Int = 0) -> Int {
        guard !isDraining, !isStopping, !isDiskLow else { return 0 }
        // Attempts that only report take no slot, but they must not pile up without bound while uploads are
        // slow.
        let waiting = attempts.values.count { $0.phase == .reporting }
        let room = 4 * settings.slots + 8 + ahead - waiting
        return max(0, min(settings.slots + ahead - takenSlots - claimed.count, room))
    }

    var takenSlots: Int { attempts.values.reduce(0) { $0 + ($1.phase == .running ? $1.slots : 0) } }

    /// GPUs with room, one of several places once for each; nil where there are none at all.
    var freeGPUs: [Int]? {
        guard !settings.gpus.isEmpty else { return nil }
        var free = Array(repeating: settings.gpus.indices, count: settings.gpuShare).flatMap { $0 }
        for position in gpus.values.joined() where !Mutant.isOn("gpu-not-counted") {
            if let index = free.firstIndex(of: position) { free.remove(at: index) }
        }
        return free.sorted()
    }

    /// Sends what is ready, or waits for jobs.
    mutating func exchange(now: MonotonicTime) -> [WorkerEffect] {
        guard let session, reporting == nil, exchangeNotBefore ?? now <= now else { return [] }
        exchangeNotBefore = nil
        let (reports, counts) = readyReports(now)
        if reports.isEmpty { reportLimit = nil }
        if waitForOthers(reports, now: now) { return [] }
        if !reports.isEmpty || (isStopping && poll != nil) {
            // While a poll may be bringing jobs already, asking for more could bring too many.
            let free = poll == nil ? freeSlots(ahead: ahead) : 0
            lastNumber += 1
            for (token, count) in counts { update(token) { $0.inFlight = count } }
            reporting = (lastNumber, counts)
            return [
                .exchange(
                    ExchangeRequest(
                        session: session, number: lastNumber, reports: reports, freeSlots: free,
                        freeGPUs: free > 0 ? freeGPUs : nil, waitSeconds: 0))
            ]
        }
        let free = freeSlots()
        guard poll == nil, free > 0, !isEndComing else { return [] }
        lastNumber += 1
        poll = lastNumber
        return [
            .exchange(
                ExchangeRequest(
                    session: session, number: lastNumber, reports: [], freeSlots: free, freeGPUs: freeGPUs,
                    waitSeconds: longestPoll))
        ]
    }

    private func readyReports(_ now: MonotonicTime) -> (reports: [Report], counts: [(token: AttemptToken, count: Int)])
    {
        var reports: [Report] = []
        var counts: [(token: AttemptToken, count: Int)] = []
        var room = Self.mostBytes
        for token in order {
            guard let attempt = attempts[token], attempt.reportsNotBefore ?? now <= now else { continue }
            var count = 0
            for report in attempt.queue {
                let bytes = report.estimatedBytes
                guard attempt.isReady(report), reports.count < reportLimit ?? Self.mostReports,
                    bytes <= room || reports.isEmpty
                else { break }
                room -= bytes
                reports.append(Report(token: token, report.body))
                count += 1
            }
            if count > 0 { counts.append((token, count)) }
        }
        return (reports, counts)
    }

    /// The coordinator will never take this exchange. The report at fault is found by sending one at a time;
    /// it is then put aside like one that was refused by itself.
    mutating func exchangeRefused(_ session: SessionID, _ number: UInt64, _ message: String, now: MonotonicTime)
        -> [WorkerEffect]
    {
        guard session == self.session else { return [] }
        if number == poll {
            poll = nil
            pollsRefused += 1
            exchangeNotBefore =
                now + Self.refusalPause
                + random.fullJitter(attempt: pollsRefused, base: .seconds(1), cap: .seconds(60))
            return [.log(WorkerLog(.warning, "asking for jobs was refused: \(message)"))]
        }
        guard let sent = reporting, sent.number == number else { return [] }
        reporting = nil
        exchangeNotBefore = now + Self.refusalPause
        for (token, _) in sent.counts { update(token) { $0.inFlight = 0 } }
        let count = sent.counts.reduce(0) { $0 + $1.count }
        guard count == 1, let token = sent.counts.first?.token, let report = attempts[token]?.queue.first else {
            reportLimit = 1
            return []
        }
        reportLimit = nil
        return handleOutcome(token, report, .refused(message), now: now).effects
    }

    mutating func exchanged(_ session: SessionID, _ response: ExchangeResponse, now: MonotonicTime) -> [WorkerEffect] {
        guard session == self.session else { return [] }
        var effects: [WorkerEffect] = []
        if response.number == poll {
            poll = nil
            pollsRefused = 0
        } else if let sent = reporting, response.number == sent.number {
            reporting = nil
            effects += settle(sent.counts, response.outcomes, now: now)
        }
        for order in response.stops { effects += stop(order.token, order.reason) }
        // An answer that came over the wire holds grants that were read.
        for case .read(let grant) in response.grants { effects += take(grant, now: now) }
        // The pace of one that waits is over.
        if !attempts.isEmpty, let next = nextHeartbeat { nextHeartbeat = min(next, now + heartbeatInterval) }
        return effects
    }

    /// Outcomes come in the order of the reports: attempt by attempt, each in the order of its queue.
    private mutating func settle(
        _ counts: [(token: AttemptToken, count: Int)], _ outcomes: [ReportOutcome], now: MonotonicTime
    ) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        var rest = outcomes[...]
        for (token, count) in counts {
            let mine = rest.prefix(count)
            rest = rest.dropFirst(mine.count)
            update(token) { $0.inFlight = 0 }
            for outcome in mine {
                guard let report = attempts[token]?.queue.first else { break }
                let (isSettled, more) = handleOutcome(token, report, outcome, now: now)
                effects += more
                guard isSettled else { break }
            }
        }
        return effects
    }

    private mutating func handleOutcome(
        _ token: AttemptToken, _ report: SpooledReport, _ outcome: ReportOutcome, now: MonotonicTime
    ) -> (isSettled: Bool, effects: [WorkerEffect]) {
        switch outcome {
        case .accepted: return (true, settled(token, report))
        case .superseded: return (false, supersede(token))
        case .gap(let expected):
            update(token) { $0.pointsNext = expected }
            return (false, [])
        case .missingBlobs:
            let times = attempts[token]?.sentBack ?? 0
            guard times < Self.mostSentBack else {
                return (true, refuse(token, report, "its blobs are missing, however often they are brought"))
            }
            // The first time at once: blobs may go while nobody refers to them.
            let pause = random.fullJitter(attempt: times, base: .seconds(1), cap: .seconds(60))
            update(token) { attempt in
                attempt.uploaded.remove(report.number)
                attempt.sentBack += 1
                attempt.reportsNotBefore = times == 0 ? nil : now + Self.refusalPause + pause
            }
            return (false, [])
        case .notTried: return (false, [])
        case .refused(let message): return (true, refuse(token, report, message))
        }
    }

    /// The first report of the queue is done with.
    private mutating func settled(_ token: AttemptToken, _ report: SpooledReport) -> [WorkerEffect] {
        update(token) { attempt in
            attempt.queue.removeFirst()
            attempt.uploaded.remove(report.number)
            attempt.sentBack = 0
        }
        guard report.isFinal else { return [.settle(token, report: report.number)] }
        forget(token)
        return [.settle(token, report: report.number), .discard(token)]
    }

    /// Puts a report aside that will never be taken, and tells of it. Without a checkpoint or an evaluation
    /// it made the attempt cannot count as done; without a sample or a piece of its log it can.
    private mutating func refuse(_ token: AttemptToken, _ report: SpooledReport, _ message: String) -> [WorkerEffect] {
        let text = "a report of job \(token.job.short) was refused: \(message)"
        let matters =
            switch report.body {
            case .checkpoint, .evaluations: true
            case .artifacts, .log, .finished, .failed, .released: false
            }
        update(token) { attempt in
            if matters { attempt.fault = text }
            attempt.reportsRefused += 1
        }
        let count = attempts[token]?.reportsRefused ?? 1
        var effects = settled(token, report) + [.log(WorkerLog(.warning, text))]
        // A notice that was itself refused is not told by another.
        if !report.isFinal, !report.isNoticeOnly {
            let notice = AttemptNotice(
                kind: AttemptNotice.Kind.reportRefused.rawValue, count: count, detail: text)
            effects.append(.spool(token, .log(LogReport(offset: 0, text: "", notices: [notice]))))
        }
        return effects
    }
}
