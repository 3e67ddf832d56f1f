import Ports
import SweepModel
import SweepWire

extension CoordinatorCore {
    /// Answered from memory; only an attempt whose lease ran out needs the ledger's word.
    mutating func heartbeat(_ request: HeartbeatRequest, _ reply: ReplyID, now: MonotonicTime) -> [CoordinatorEffect] {
        guard let session = sessions[request.session] else {
            return [.reply(reply, .refused(Self.unknown(request.session)))]
        }
        sessions[request.session]?.lastSeen = now
        sessions[request.session]?.wasSeen = true
        sessions[request.session]?.isHeard = true
        let isDraining = session.standing == .draining
        var verdicts: [AttemptVerdict] = []
        var expired: [AttemptToken] = []
        for attempt in request.attempts {
            guard let lease = leases[attempt.token.job], lease.token == attempt.token, lease.worker == session.worker
            else {
                verdicts.append(.superseded)
                continue
            }
            if lease.isExpired { expired.append(lease.token) }
            leases[attempt.token.job]?.deadline = now + settings.lease
            verdicts.append(lease.stop.map { AttemptVerdict(stop: $0) } ?? (isDraining ? .drain : .fine))
        }
        guard !expired.isEmpty else {
            let response = HeartbeatResponse(
                verdicts: verdicts, isDraining: isDraining, waitSeconds: verdicts.isEmpty ? heartbeatWait : nil)
            return [.reply(reply, .heartbeat(response))]
        }
        return [commit(.revive(expired), .heartbeat(request, reply, verdicts))]
    }

    /// In how many seconds all who wait come back once, where no more than a few may in a second.
    var renewalSeconds: Double { Double(polls.count) / settings.renewals }

    /// When one that waits should send its next heartbeat, in whole seconds; nil for as usual. With the fifth
    /// that a worker may add, twice within the silence after which it counts as gone, and before an idle
    /// connection is closed.
    private var heartbeatWait: Double? {
        let wait = min(renewalSeconds, settings.silence.inSeconds / 2.4, 60).rounded(.down)
        return wait > (settings.heartbeat * WireLimit.waitingBeats).inSeconds ? wait : nil
    }

    mutating func revived(
        _ request: HeartbeatRequest, _ reply: ReplyID, _ verdicts: [AttemptVerdict], revived: [AttemptToken],
        superseded: [AttemptToken], now: MonotonicTime
    ) -> [CoordinatorEffect] {
        for token in revived where leases[token.job]?.token == token {
            leases[token.job]?.isExpired = false
            leases[token.job]?.deadline = now + settings.lease
            if let row = leases[token.job]?.row {
                ready.remove(row)
                delayed[row] = nil
            }
        }
        for token in superseded where leases[token.job]?.token == token { leases[token.job] = nil }
        // What was kept for one of them is free for others.
        let isKept = revived.contains { token in leases[token.job].map { keepers[$0.row] != nil } ?? false }
        let gone = Set(superseded)
        let answered = zip(request.attempts, verdicts).map { gone.contains($0.token) ? AttemptVerdict.superseded : $1 }
        let isDraining = sessions[request.session]?.standing == .draining
        let answer = CoordinatorEffect.reply(
            reply, .heartbeat(HeartbeatResponse(verdicts: answered, isDraining: isDraining)))
        return [answer] + (isKept ? serve() : [])
    }

    mutating func tick(now: MonotonicTime) -> [CoordinatorEffect] {
        let late = now - lastTick
        let before = lastTick
        lastTick = now
        // The machine slept, or stood still: everybody's silence is explained by it.
        if late > settings.stall, !Mutant.isOn("no-stall-guard") { leases.shiftDeadlines(by: late) }
        var effects: [CoordinatorEffect] = []
        let expired = leases.values.filter { !$0.isExpired && $0.deadline <= now }.map(\.token)
            .sorted { ($0.job, $0.attempt) < ($1.job, $1.attempt) }
        if !expired.isEmpty {
            for token in expired { leases[token.job]?.isExpired = true }
            effects.append(commit(.expire(expired), .expire(expired)))
        }
        for (id, poll) in polls.filter({ $0.value.deadline <= now }).sorted(by: { $0.value.order < $1.value.order }) {
            polls[id] = nil
            effects += answerEmpty(poll)
        }
        let due = delayed.filter { $0.value.due <= now }
        for (row, one) in due {
            delayed[row] = nil
            ready.insert(one.entry, needs: one.needs)
        }
        let hasFallenSilent = hasFallenSilent(now: now, before: before)
        let mayTry = suspended.values.contains { $0 <= now && $0 > before }
        if !due.isEmpty || hasFallenSilent || mayTry { effects += serve() }
        return effects + readOn() + writeSeen(now: now)
    }

    /// Whether a worker fell silent for good: what was to run there rather than here may run here now.
    private mutating func hasFallenSilent(now: MonotonicTime, before: MonotonicTime) -> Bool {
        // Who was heard from since falls silent later, so most ticks look at none of thousands.
        guard nextSilence <= now else { return false }
        let silence = settings.silence
        var hasFallen = false
        nextSilence = now + silence
        for session in sessions.values {
            let due = session.lastSeen + silence
            if due > now { nextSilence = min(nextSilence, due) } else if due > before { hasFallen = true }
        }
        return hasFallen
    }

    mutating func expired(_ tokens: [AttemptToken], _ changes: [JobChange], now: MonotonicTime) -> [CoordinatorEffect] {
        for one in changes {
            // The lease stays in memory: its attempt may be heard from before the job is claimed.
            apply(one, now: now)
        }
        let known = Set(changes.map(\.job))
        for token in tokens where !known.contains(token.job) && leases[token.job]?.token == token {
            // The ledger did not see it running any more.
            leases[token.job] = nil
        }
        return serve()
    }

    mutating func changed(
        _ changes: [JobChange], stopping: [AttemptToken], continuing: [AttemptToken], now: MonotonicTime
    ) -> [CoordinatorEffect] {
        var sessionsToTell: Set<SessionID> = []
        var canceled: [SessionID: [StopOrder]] = [:]
        for one in changes {
            if let ended = one.ended, let lease = leases[one.job], lease.token == ended {
                canceled[lease.session, default: []].append(StopOrder(token: ended, reason: .cancel))
                sessionsToTell.insert(lease.session)
            }
            apply(one, now: now)
        }
        for token in stopping where leases[token.job]?.token == token {
            leases[token.job]?.stop = .pause
            if let session = leases[token.job]?.session { sessionsToTell.insert(session) }
        }
        for token in continuing where leases[token.job]?.token == token { leases[token.job]?.stop = nil }
        return tell(sessionsToTell, canceled: canceled) + serve()
    }

    /// Tells their workers, at once where they wait for an answer.
    mutating func enough(_ tokens: [AttemptToken]) -> [CoordinatorEffect] {
        var sessionsToTell: Set<SessionID> = []
        for token in tokens where leases[token.job]?.token == token && leases[token.job]?.stop == nil {
            leases[token.job]?.stop = .finish
            if let session = leases[token.job]?.session { sessionsToTell.insert(session) }
        }
        return tell(sessionsToTell)
    }

    private mutating func tell(
        _ told: Set<SessionID>, canceled: [SessionID: [StopOrder]] = [:]
    ) -> [CoordinatorEffect] {
        var effects: [CoordinatorEffect] = []
        for id in told.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let poll = polls.removeValue(forKey: id) else { continue }
            effects += answerEmpty(poll, stops: (canceled[id] ?? []) + stops(id))
        }
        return effects
    }

    mutating func workerChanged(_ worker: WorkerID, _ standing: WorkerStanding, now: MonotonicTime)
        -> [CoordinatorEffect]
    {
        setStanding(worker, standing)
        if standing == .active { suspended[worker] = nil }
        var effects: [CoordinatorEffect] = []
        for (id, session) in sessions where session.worker == worker {
            guard let poll = polls.removeValue(forKey: id) else { continue }
            effects += answerEmpty(poll, stops: stops(id))
        }
        return effects + serve()
    }

    /// Nobody is to wait for this worker any more. Its leases run out, or its next process releases what they
    /// are of.
    mutating func goodbye(_ request: GoodbyeRequest, _ reply: ReplyID) -> [CoordinatorEffect] {
        guard let session = sessions.removeValue(forKey: request.session) else {
            return [.reply(reply, .refused(Self.unknown(request.session)))]
        }
        if newest[session.worker] == request.session { newest[session.worker] = nil }
        let effects = polls.removeValue(forKey: request.session).map { answerEmpty($0) } ?? []
        return effects + [commit(.goodbye(session.worker, request.session), .goodbye(reply))] + serve()
    }

    mutating func forgotten(_ workers: [WorkerID]) -> [CoordinatorEffect] {
        let gone = Set(workers)
        var effects: [CoordinatorEffect] = []
        for (id, session) in sessions where gone.contains(session.worker) {
            if let poll = polls.removeValue(forKey: id) {
                effects += poll.replies.map { .reply($0, .refused(Self.unknown(id))) }
            }
            sessions[id] = nil
        }
        for worker in workers {
            suspended[worker] = nil
            newest[worker] = nil
        }
        return effects
    }

    mutating func setStanding(_ worker: WorkerID, _ standing: WorkerStanding) {
        for (id, session) in sessions where session.worker == worker { sessions[id]?.standing = standing }
    }

    private mutating func writeSeen(now: MonotonicTime) -> [CoordinatorEffect] {
        guard now - lastSeenWrite >= settings.seenEvery else { return [] }
        lastSeenWrite = now
        let seen = sessions.filter(\.value.wasSeen)
        guard !seen.isEmpty else { return [] }
        for id in seen.keys { sessions[id]?.wasSeen = false }
        return [commit(.seen(seen.values.map(\.worker).sorted()), .seen)]
    }
}
