import Ports
import SweepModel
import SweepWire

extension CoordinatorCore {
    mutating func committed(_ id: CommitID, _ outcome: LedgerOutcome, now: MonotonicTime) -> [CoordinatorEffect] {
        guard let what = pending.removeValue(forKey: id) else { return [] }
        switch (what, outcome) {
        case (.register(let request, let reply), .registered(let leftovers, let standing)):
            return registered(request, reply, leftovers: leftovers, standing, now: now)
        case (.register(let request, let reply), .foreign(let token, let hasKey)):
            return [.reply(reply, .refused(Self.foreign(request.worker, token: token, hasKey: hasKey)))]
        case (.exchange(let session, let worker, let number, let replies, let candidates), .exchanged(let outcome)):
            return exchanged(session, worker, number, replies, candidates, outcome, now: now)
        case (.heartbeat(let request, let reply, let verdicts), .revived(let revived, let superseded)):
            return self.revived(request, reply, verdicts, revived: revived, superseded: superseded, now: now)
        case (.expire(let tokens), .expired(let changes)): return expired(tokens, changes, now: now)
        case (.waiting, .waiting(let part)): return read(part, now: now)
        case (.seen, .noted): return []
        case (.goodbye(let reply), .noted): return [.reply(reply, .saidGoodbye)]
        default:
            preconditionFailure("commit \(id.value) was answered with an outcome of another command")
        }
    }

    /// Nothing was stored: jobs wait on, leases stay, and the peer tries again.
    mutating func refused(_ id: CommitID, _ error: WireError, now: MonotonicTime) -> [CoordinatorEffect] {
        guard let what = pending.removeValue(forKey: id) else { return [] }
        switch what {
        case .register(_, let reply): return [.reply(reply, .refused(error))]
        case .goodbye(let reply): return [.reply(reply, .refused(error))]
        case .heartbeat(_, let reply, _): return [.reply(reply, .refused(error))]
        case .exchange(let session, _, let number, let replies, let candidates):
            sessions[session]?.inFlight[number] = nil
            for candidate in candidates { ready.insert(candidate.entry, needs: candidate.needs) }
            return replies.map { .reply($0, .refused(error)) }
        case .expire(let tokens):
            for token in tokens where leases[token.job]?.token == token { leases[token.job]?.isExpired = false }
            return [.log("leases could not be ended: \(error.message)")]
        case .seen: return [.log("last-seen times could not be written: \(error.message)")]
        case .waiting:
            // What was read is handed out meanwhile; the next tick tries again.
            isReading = false
            defer { isUnreadTold = true }
            return isUnreadTold ? [] : [.log("some jobs that wait are not read yet, tried again: \(error.message)")]
        }
    }

    /// Reads on among the jobs that wait, one part at a time: workers have something to do meanwhile.
    mutating func readOn() -> [CoordinatorEffect] {
        guard let place = unread, !isReading, !isStopping else { return [] }
        isReading = true
        return [commit(.waiting(after: place, most: settings.waitingPart), .waiting)]
    }

    private mutating func read(_ part: WaitingPart, now: MonotonicTime) -> [CoordinatorEffect] {
        isReading = false
        isUnreadTold = false
        unread = part.next
        // What is being claimed waits in the part and not here: the claim comes after the part.
        var claimed: Set<Int64> = []
        for case .exchange(_, _, _, _, let candidates) in pending.values {
            claimed.formUnion(candidates.lazy.map(\.entry.row))
        }
        for job in part.jobs where !claimed.contains(job.row) { apply(job, now: now) }
        return part.faults.map { .log($0) } + serve() + readOn()
    }

    mutating func disconnected(_ reply: ReplyID) -> [CoordinatorEffect] {
        guard let (id, waiting) = polls.first(where: { $0.value.replies.contains(reply) }) else { return [] }
        var poll = waiting
        poll.replies.removeAll { $0 == reply }
        // Nobody waits for it any more: a grant would be lost until its lease runs out.
        polls[id] = poll.replies.isEmpty ? nil : poll
        return []
    }

    mutating func diskChanged(isFull: Bool) -> [CoordinatorEffect] {
        isDiskFull = isFull
        return serve()
    }

    mutating func stop() -> [CoordinatorEffect] {
        isStopping = true
        let waiting = polls.values.sorted { $0.order < $1.order }
        polls = [:]
        return waiting.flatMap(\.replies).map { .reply($0, .refused(Self.ending)) }
    }
}
