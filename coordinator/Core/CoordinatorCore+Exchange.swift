import Ports
import RunSpec
package import SweepModel
package import SweepWire

extension CoordinatorCore {
    /// Most jobs granted in one exchange.
    private static let mostGrants = 256

    mutating func register(_ request: RegisterRequest, _ reply: ReplyID, by caller: Caller?) -> [CoordinatorEffect] {
        guard !isStopping else { return [.reply(reply, .refused(Self.ending))] }
        return [commit(.register(request, by: caller), .register(request, reply))]
    }

    mutating func registered(
        _ request: RegisterRequest, _ reply: ReplyID, leftovers: [AttemptToken], _ standing: WorkerStanding,
        now: MonotonicTime
    ) -> [CoordinatorEffect] {
        var effects: [CoordinatorEffect] = []
        // A worker has one session: an older one is over, its leases run on until they are released or run
        // out.
        if let older = newest.updateValue(request.session, forKey: request.worker), older != request.session {
            if let poll = polls.removeValue(forKey: older) { effects += answerEmpty(poll) }
            sessions[older] = nil
        }
        if sessions[request.session] == nil {
            sessions[request.session] = Session(record: request.record, standing: standing, lastSeen: now)
        }
        sessions[request.session]?.isHeard = true
        let response = RegisterResponse(
            ledger: settings.ledger, epoch: settings.epoch, leaseSeconds: settings.lease.inSeconds,
            heartbeatSeconds: settings.heartbeat.inSeconds, leftovers: leftovers, program: settings.program)
        return effects + [.reply(reply, .registered(response))]
    }

    mutating func exchange(_ request: ExchangeRequest, _ reply: ReplyID, now: MonotonicTime) -> [CoordinatorEffect] {
        guard !isStopping else { return [.reply(reply, .refused(Self.ending))] }
        guard var session = sessions[request.session] else {
            return [.reply(reply, .refused(Self.unknown(request.session)))]
        }
        session.lastSeen = now
        session.wasSeen = true
        session.isHeard = true
        for report in request.reports { extend(report.token, now: now) }
        // The same exchange again while the first is on its way: one answer for both.
        if let commit = session.inFlight[request.number],
            case .exchange(let id, let worker, let number, let replies, let candidates) = pending[commit]
        {
            pending[commit] = .exchange(id, worker, number, replies + [reply], candidates)
            sessions[request.session] = session
            return []
        }
        var effects: [CoordinatorEffect] = []
        if let poll = polls[request.session] {
            if poll.number == request.number {
                polls[request.session]?.replies.append(reply)
                sessions[request.session] = session
                return []
            }
            effects += answerEmpty(poll)
            polls[request.session] = nil
        }
        let isRepeat = session.answered.contains(request.number)
        let isNew = request.number >= session.highest
        session.highest = max(session.highest, request.number)
        sessions[request.session] = session
        // An old number whose answer nobody remembers brings no jobs: its sender has long gone on. A drained
        // or suspended worker gets none, and waits like one for whom there are none: told so at once, it
        // would ask again at once.
        let mayWait = session.standing == .active || !Mutant.isOn("drained-asks-again")
        let capacity = isNew && mayWait ? capacity(request, session) : WorkerCapacity(slots: 0)
        let free = capacity.slots
        let candidates = isRepeat ? [] : take(capacity, session)
        if !request.reports.isEmpty || !candidates.isEmpty || isRepeat {
            effects.append(send(request.session, request.number, request.reports, candidates, [reply]))
        } else if free == 0 || request.waitSeconds <= 0 {
            effects.append(
                .reply(reply, .exchanged(ExchangeResponse(number: request.number, stops: stops(request.session)))))
        } else {
            // Each of many waits longer than the one before, so that they do not come back together either.
            let wait = min(request.waitSeconds, WireLimit.waitSeconds + renewalSeconds, WireLimit.longestWaitSeconds)
            lastOrder += 1
            polls[request.session] = Poll(
                number: request.number, capacity: capacity, deadline: now + .seconds(wait), replies: [reply],
                order: lastOrder)
        }
        return effects
    }

    /// Gives what waits to the polls that wait, oldest first.
    mutating func serve() -> [CoordinatorEffect] {
        guard !ready.isEmpty, !isStopping, !isDiskFull else { return [] }
        var effects: [CoordinatorEffect] = []
        for (id, poll) in polls.sorted(by: { $0.value.order < $1.value.order }) {
            guard !ready.isEmpty, let session = sessions[id] else { continue }
            let candidates = take(poll.capacity, session)
            guard !candidates.isEmpty else { continue }
            polls[id] = nil
            effects.append(send(id, poll.number, [], candidates, poll.replies))
        }
        return effects
    }

    mutating func exchanged(
        _ id: SessionID, _ worker: WorkerID, _ number: UInt64, _ replies: [ReplyID],
        _ candidates: [ReadyQueue.Candidate],
        _ outcome: ExchangeOutcome, now: MonotonicTime
    ) -> [CoordinatorEffect] {
        sessions[id]?.inFlight[number] = nil
        if outcome.leftCandidates {
            for candidate in candidates { ready.insert(candidate.entry, needs: candidate.needs) }
        }
        for change in outcome.changes { apply(change, now: now) }
        // Also where the session was ended meanwhile by another of the worker's: a job that runs in the
        // ledger has a lease here, or nothing would ever end it.
        for claim in outcome.claims {
            let token = claim.token
            // A repeat must not give a new lease to what ended meanwhile; what is leased already stays as it
            // is.
            if outcome.leftCandidates, leases[token.job]?.token != token { continue }
            if !outcome.leftCandidates { turns[claim.row, default: 0] += 1 }
            leases[token.job] = Lease(
                token: token, row: claim.row, priority: claim.priority, needs: claim.needs,
                session: id, worker: worker, deadline: now + settings.lease,
                stop: leases[token.job].flatMap { $0.token == token ? $0.stop : nil })
        }
        if !outcome.claims.isEmpty, sessions[id]?.answered.contains(number) == false {
            sessions[id]?.answered.append(number)
            if let count = sessions[id]?.answered.count, count > 16 {
                sessions[id]?.answered.removeFirst(count - 16)
            }
        }
        for change in outcome.workers {
            switch change {
            case .suspended(let worker, let seconds): suspended[worker] = now + .seconds(seconds)
            case .lifted(let worker): suspended[worker] = nil
            }
        }
        let told = enough(outcome.enough)
        let response = ExchangeResponse(
            number: number, outcomes: outcome.outcomes,
            grants: outcome.claims.map { .claimed($0, leaseSeconds: settings.lease.inSeconds) }, stops: stops(id))
        return told + replies.map { .reply($0, .exchanged(response)) } + serve()
    }

    /// What of a session's attempts should stop.
    func stops(_ id: SessionID) -> [StopOrder] {
        let isDraining = sessions[id]?.standing == .draining
        return leases.leases(of: id).filter { $0.stop != nil || isDraining }
            .sorted { $0.row < $1.row }.map { StopOrder(token: $0.token, reason: $0.stop ?? .drain) }
    }

    func answerEmpty(_ poll: Poll, stops: [StopOrder] = []) -> [CoordinatorEffect] {
        poll.replies.map { .reply($0, .exchanged(ExchangeResponse(number: poll.number, stops: stops))) }
    }

    private mutating func send(
        _ id: SessionID, _ number: UInt64, _ reports: [Report], _ candidates: [ReadyQueue.Candidate],
        _ replies: [ReplyID]
    ) -> CoordinatorEffect {
        let worker = sessions[id]?.worker ?? WorkerID("")
        let effect = commit(
            .exchange(
                session: id, worker: worker, number: number, reports: reports, candidates: candidates.map(\.entry.row)),
            .exchange(id, worker, number, replies, candidates))
        if case .commit(let commit, _) = effect { sessions[id]?.inFlight[number] = commit }
        return effect
    }

    /// What the worker has free. One of the time before workers named their free GPUs says nothing of them;
    /// then those count as held whose jobs it has not given back.
    private func capacity(_ request: ExchangeRequest, _ session: Session) -> WorkerCapacity {
        let slots = min(max(request.freeSlots, 0), Self.mostGrants)
        let offer = session.record.offer
        guard !offer.devices.isEmpty, slots > 0 else { return WorkerCapacity(slots: slots) }
        let known = request.freeGPUs?.filter(offer.devices.indices.contains)
        let free = known ?? Array(offer.devices.indices.dropFirst(load(session.worker, offer).gpus))
        return WorkerCapacity(slots: slots, gpus: Array(free.prefix(offer.devices.count * offer.gpuShare)))
    }

    /// Slots and places on GPUs that the leases of a worker take.
    func load(_ worker: WorkerID, _ offer: WorkerOffer) -> (slots: Int, gpus: Int) {
        leases.values.reduce(into: (0, 0)) { load, lease in
            guard lease.worker == worker else { return }
            load.0 += offer.slotCost(lease.needs)
            load.1 += offer.gpuCount(lease.needs)
        }
    }

    private mutating func take(_ capacity: WorkerCapacity, _ session: Session) -> [ReadyQueue.Candidate] {
        let most = min(capacity.slots, allowance(session.worker))
        guard most > 0, session.standing == .active, !isDiskFull else { return [] }
        let (sessions, settings, now, suspended) = (sessions, settings, lastTick, suspended)
        func isThere(_ other: Session, _ needs: RequirementSpec) -> Bool {
            other.standing == .active && suspended[other.worker] == nil && now - other.lastSeen < settings.silence
                && other.record.offer.meets(needs)
        }
        if !keepers.isEmpty { keepers = keepers.filter { ready.contains($0.key) } }
        var keepers = keepers
        defer { self.keepers = keepers }
        return ready.take(
            ReadyQueue.Asking(
                worker: session.worker, offer: session.record.offer, capacity: capacity, most: most, now: now,
                patience: settings.patience),
            avoids: { needs in
                sessions.values.contains { $0.worker != session.worker && isThere($0, needs) }
            },
            hasRoomier: { needs in
                sessions.values.contains {
                    $0.worker != session.worker && isThere($0, needs) && $0.record.offer.holdsExpected(needs)
                }
            },
            keeps: { row, needs in
                if Mutant.isOn("nothing-kept") { return false }
                if let keeper = keepers[row] {
                    if keeper == session.worker { return true }
                    if sessions.values.contains(where: { $0.worker == keeper && isThere($0, needs) }) { return false }
                }
                // One job at a time: of two that are kept room for, neither might ever have enough.
                guard !keepers.values.contains(session.worker), suspended[session.worker] == nil else { return false }
                keepers[row] = session.worker
                return true
            })
    }

    /// How many more jobs a worker may have besides what its slots say: of one that is suspended one at a
    /// time, and none before its pause is over.
    func allowance(_ worker: WorkerID) -> Int {
        guard let trial = suspended[worker] else { return .max }
        if Mutant.isOn("trials-at-once"), lastTick >= trial { return .max }
        guard lastTick >= trial || Mutant.isOn("trials-too-early"),
            !leases.values.contains(where: { $0.worker == worker })
        else { return 0 }
        let isUnderWay = pending.values.contains { what in
            if case .exchange(_, worker, _, _, let candidates) = what { return !candidates.isEmpty }
            return false
        }
        return isUnderWay ? 0 : 1
    }

    private mutating func extend(_ token: AttemptToken, now: MonotonicTime) {
        guard let lease = leases[token.job], lease.token == token, !lease.isExpired else { return }
        leases[token.job]?.deadline = now + settings.lease
    }

    static let ending = WireError(.unavailable, "the coordinator is stopping; try again", retryAfter: 1)

    static func foreign(_ worker: WorkerID, token: String, hasKey: Bool) -> WireError {
        let id = worker.text.prefix(32)
        return WireError(
            .forbidden,
            hasKey
                ? "the worker id \(id) belongs to another work folder: its key differs; remove 'id' in --work for a new one"
                : "the worker id \(id) belongs to the token \(token); use that token, or revoke it")
    }

    /// The answer to a session that is not known.
    package static func unknown(_ session: SessionID) -> WireError {
        WireError(.unknownSession, "session \(session.rawValue.prefix(32)) is not known here; register again")
    }
}
