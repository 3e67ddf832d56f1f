import Ports
import SweepModel
import SweepWire

/// Jobs that end as soon as they begin: a few are claimed before there is a slot for them, so that no slot
/// waits for the coordinator, and the ends of several are handed in together. As soon as one fails, or has
/// taken longer, nothing is claimed ahead. What still waits for a slot is given back, for others to take: at
/// once where one failed, else when it has waited a second.
extension WorkerCore {
    /// Claims a slot besides what it runs: an exchange serves about half of them.
    private static let claims = 16
    /// An attempt of less is quick: so many of them end before the last one's claim is given back.
    private static let quick: Duration = .milliseconds(50)
    /// How long a claimed job waits for a slot at most.
    private static let mostClaimed: Duration = .seconds(1)
    /// How long an end waits for others at most.
    private static let mostWait: Duration = .milliseconds(20)

    /// Quick ends in a row after which jobs are claimed ahead.
    private var enoughQuick: Int { settings.slots + 3 }

    /// How many jobs are claimed besides those that run: what quick ones do before a claim is given back.
    var ahead: Int { settings.gpus.isEmpty && quickEnds >= enoughQuick ? Self.claims * settings.slots : 0 }

    /// When the oldest claim is given back.
    var claimsDue: MonotonicTime? {
        claimed.first.flatMap { attempts[$0.token] }.map { $0.since + Self.mostClaimed }
    }

    /// When ends are handed in, whatever else there is to do.
    var endsDue: MonotonicTime? { endsWait.map { $0 + Self.mostWait } }

    /// The end of an attempt is being spooled. While jobs are claimed ahead, what is sent waits for it: the
    /// exchange with the end asks for more.
    var isEndComing: Bool {
        ahead > 0 && attempts.values.contains { $0.phase == .reporting && $0.queue.last?.isFinal != true }
    }

    mutating func count(_ end: AttemptEnd, after time: Duration) {
        quickEnds = end == .finished && time < Self.quick ? min(quickEnds + 1, enoughQuick) : 0
    }

    mutating func startClaimed(now: MonotonicTime) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        while !claimed.isEmpty, !isDiskLow, takenSlots < settings.slots {
            let grant = claimed.removeFirst()
            update(grant.token) { attempt in
                attempt.phase = .running
                attempt.since = now
            }
            effects.append(.run(grant))
        }
        guard let due = claimsDue, due <= now else { return effects }
        quickEnds = 0
        return effects + giveBackClaimed()
    }

    mutating func giveBackClaimed() -> [WorkerEffect] { claimed.flatMap { giveBack($0.token, .restart) } }

    /// One that has not begun.
    mutating func giveBack(_ token: AttemptToken, _ reason: ReleaseReport.Reason) -> [WorkerEffect] {
        claimed.removeAll { $0.token == token }
        update(token) { attempt in
            attempt.phase = .reporting
            attempt.moved(to: HeldAttempt.uploadingPhase, step: nil, extent: nil)
        }
        return [.spool(token, .released(ReleaseReport(reason: reason)))]
    }

    /// Whether these reports wait a moment: ends alone, while more are to come from what is claimed.
    mutating func waitForOthers(_ reports: [Report], now: MonotonicTime) -> Bool {
        let areEnds = reports.allSatisfy { if case .finished = $0.body { true } else { false } }
        let hasMore = ahead > 0 && (claimed.count > ahead / 2 || isEndComing) && !isStopping
        guard hasMore, !reports.isEmpty, areEnds, endsDue.map({ now < $0 }) ?? true else {
            endsWait = nil
            return false
        }
        endsWait = endsWait ?? now
        return true
    }
}
