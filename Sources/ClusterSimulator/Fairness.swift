/// I18: among jobs of one priority none is overtaken by the same other job more than eight times while the
/// coordinator runs. Told from the ledger's history alone: who was ready first, and who was claimed.
///
/// A job that waits after a failure is nobody's victim here: it may have to wait its backoff, or for another
/// worker.
struct Fairness {
    static let most = 8

    private struct Ready { var since: Int, isVictim: Bool }

    private var ready: [Int: Ready] = [:]
    private var known: Set<Int> = []
    /// How often a job (first) was overtaken by another.
    private var overtaken: [Pair: Int] = [:]
    /// How many of the coordinator's starts are behind the newest event.
    private var starts = 0
    private(set) var worst = 0
    /// Sweeps that were stopped: their jobs wait for a person, and are nobody's victims.
    private var held: Set<Int> = []
    /// Jobs that wait for room, and go before others: they are passed, and pass, for other reasons.
    var excused: Set<Int> = []
    /// The sweep of each job.
    var sweeps: [Int: Int] = [:]

    struct Pair: Hashable { var victim: Int, rival: Int }

    mutating func hold(_ sweep: Int, _ jobs: [Int]) {
        held.insert(sweep)
        for job in jobs { ready[job] = nil }
    }

    mutating func free(_ sweep: Int) { held.remove(sweep) }

    /// A job without a history is ready since the newest event at the latest.
    mutating func add(_ job: Int, isFresh: Bool, newest: Int) {
        guard known.insert(job).inserted, isFresh else { return }
        ready[job] = Ready(since: newest, isVictim: true)
    }

    /// - Parameter starts: the newest event before each start of the coordinator, which knows nothing of
    ///   turns before it.
    /// - Returns: who was overtaken once too often.
    mutating func happened(_ event: Int, _ kind: String, _ job: Int, starts: [Int]) -> Pair? {
        while self.starts < starts.count, starts[self.starts] < event {
            self.starts += 1
            overtaken = [:]
        }
        switch kind {
        case "claim":
            let unfair = claimed(job)
            // Of what was before its first known start (a backup was put in its place) nothing can be said.
            return event > starts.first ?? 0 ? unfair : nil
        case "resume":
            // A user's wish begins anew.
            overtaken = overtaken.filter { $0.key.rival != job }
            ready[job] = Ready(since: event, isVictim: true)
        case "released", "unpause", "expired", "retry":
            guard !held.contains(sweeps[job] ?? -1) else {
                ready[job] = nil
                return nil
            }
            if kind == "released" || kind == "unpause" {
                ready[job] = Ready(since: event, isVictim: true)
                return nil
            }
            ready[job] = Ready(since: event, isVictim: false)
        default: ready[job] = nil
        }
        return nil
    }

    private mutating func claimed(_ rival: Int) -> Pair? {
        // A job whose row is newer than the last look was launched after everything known.
        let since = ready.removeValue(forKey: rival)?.since ?? Int.max
        guard !excused.contains(rival) else { return nil }
        for (victim, place) in ready where place.isVictim && place.since < since && !excused.contains(victim) {
            let count = (overtaken[Pair(victim: victim, rival: rival)] ?? 0) + 1
            overtaken[Pair(victim: victim, rival: rival)] = count
            worst = max(worst, count)
            guard count > Self.most else { continue }
            return Pair(victim: victim, rival: rival)
        }
        overtaken = overtaken.filter { $0.key.victim != rival }
        return nil
    }
}
