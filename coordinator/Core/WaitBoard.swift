package import Ports
import RunSpec
package import SweepModel
import SweepWire

/// What of the coordinator's memory decides why jobs wait: a copy, so that nobody is held up by the answer.
package struct WaitBoard: Sendable {
    package struct Worker: Sendable {
        package var id: WorkerID
        package var name: String
        package var offer: WorkerOffer
        package var slots: Int
        /// Slots that are taken.
        package var busy: Int
        /// Positions of GPUs with room: those that the worker names while it asks, else by what it was given.
        package var freeGPUs: [Int]
        /// Row of the job that it is kept for.
        package var keptFor: Int64?
        package var isDraining: Bool
        /// Until its next trial job, where it is suspended.
        package var trialIn: Duration?
        /// It waits for a job right now.
        package var isAsking: Bool

        var title: String { "\(name) (\(id.text.prefix(8)))" }

        /// Whether a job has room there now.
        func hasRoom(_ needs: RequirementSpec) -> Bool {
            WorkerCapacity(slots: slots - busy, gpus: freeGPUs).pick(needs, of: offer) != nil
        }
    }

    /// Those that are connected, by name.
    package var workers: [Worker]
    package var isDiskFull: Bool
    package var isStopping: Bool
    /// Until the backoff of each delayed job is over.
    package var delays: [Int64: Duration]
}

extension CoordinatorCore {
    /// Whether the worker of the session was heard from lately.
    func isConnected(_ session: Session, now: MonotonicTime) -> Bool {
        let silence = now - session.lastSeen + (session.isHeard ? .zero : session.silentAtStart)
        return silence < settings.silence
    }

    /// Workers that were heard from lately.
    package func connected(now: MonotonicTime) -> Set<WorkerID> {
        Set(sessions.values.filter { isConnected($0, now: now) }.map(\.worker))
    }

    /// What decides now why jobs wait.
    package func waitBoard(now: MonotonicTime) -> WaitBoard {
        let kept = Dictionary(keepers.map { ($1, $0) }, uniquingKeysWith: min)
        let byWorker = Dictionary(grouping: leases.values, by: \.worker)
        let workers = sessions.values.filter { isConnected($0, now: now) }.map { session in
            let offer = session.record.offer
            let own = byWorker[session.worker] ?? []
            let places = Array(repeating: offer.devices.indices, count: offer.gpuShare).flatMap { $0 }
            let held = own.reduce(0) { $0 + offer.gpuCount($1.needs) }
            return WaitBoard.Worker(
                id: session.worker, name: session.record.name, offer: offer, slots: session.record.slots,
                busy: own.reduce(0) { $0 + offer.slotCost($1.needs) },
                freeGPUs: polls[session.record.session]?.capacity.gpus ?? Array(places.dropFirst(held)),
                keptFor: kept[session.worker].flatMap { ready.contains($0) ? $0 : nil },
                isDraining: session.standing == .draining, trialIn: suspended[session.worker].map { $0 - now },
                isAsking: polls[session.record.session] != nil)
        }
        return WaitBoard(
            workers: workers.sorted { ($0.name, $0.id) < ($1.name, $1.id) }, isDiskFull: isDiskFull,
            isStopping: isStopping, delays: delayed.mapValues { $0.due - now })
    }
}

extension WaitBoard {
    /// Most workers named in one sentence.
    private static let mostNamed = 3

    /// Why the job waits, as a sentence; nil for one that does not.
    package func reason(_ job: WaitingJob) -> String? {
        switch job.state {
        case .paused: return "it is paused; `radiata unpause \(job.name)` lets it go on"
        case .waiting: break
        default: return nil
        }
        if let sweep = job.heldBy {
            return "sweep \(sweep) is stopped: \(job.holdReason ?? "it failed"); mend it and `radiata resume \(sweep)`"
        }
        if let preparation = job.preparation { return Self.reason(preparation) }
        if isStopping { return "the coordinator is stopping" }
        if isDiskFull {
            return "the coordinator's disk is full, so no jobs are handed out; free some space in its data folder"
        }
        if let delay = delays[job.row], delay > .zero {
            let after = job.failure.map { " after it failed (\($0.rawValue))" } ?? ""
            return "its next try\(after) begins in \(Self.text(delay))"
        }
        return workerReason(job)
    }

    private static func reason(_ preparation: Preparing) -> String {
        let short = preparation.job.prefix(8)
        let what = "its preparation '\(preparation.name)' (job \(short))"
        switch preparation.state {
        case "running": return "\(what) is running"
        case "waiting": return "\(what) must be done first; it waits itself"
        case "paused": return "\(what) is paused; `radiata unpause \(short)` lets it go on"
        default:
            let why = [preparation.failure, preparation.message].compactMap { $0 }.joined(separator: ": ")
            let reason = why.isEmpty ? "" : " (\(why))"
            return "\(what) is \(preparation.state)\(reason); mend it and `radiata resume \(short)`"
        }
    }

    private func workerReason(_ job: WaitingJob) -> String {
        guard !workers.isEmpty else {
            return "no worker is connected; start one with `radiata worker run --coordinator URL`"
        }
        let fitting = workers.filter { $0.offer.meets(job.needs) }
        guard !fitting.isEmpty else { return "no worker fits: \(lacks(job.needs))" }
        let willing = fitting.filter { !$0.isDraining }
        guard !willing.isEmpty else {
            return
                "the workers that fit are draining: \(named(fitting) { "`radiata drain \($0.id.text.prefix(8)) --undo`" })"
        }
        let trusted = willing.filter { $0.trialIn == nil }
        guard !trusted.isEmpty else {
            let list = named(willing) { worker in
                let wait = worker.trialIn ?? .zero
                let trial =
                    worker.busy > 0
                    ? "a trial job runs" : wait > .zero ? "next trial job in \(Self.text(wait))" : "a trial job is due"
                return "\(trial); `radiata drain \(worker.id.text.prefix(8)) --undo`"
            }
            return "the workers that fit are suspended: \(list)"
        }
        if let avoid = job.avoid, trusted.contains(where: { $0.id == avoid }) {
            let others = trusted.filter { $0.id != avoid }
            if !others.isEmpty, others.allSatisfy({ $0.busy >= $0.slots }) {
                let failed = job.failure.map { " (\($0.rawValue))" } ?? ""
                return "it failed\(failed) on one worker and waits for another: \(named(others) { Self.load($0) })"
            }
        }
        let free = trusted.filter { $0.busy < $0.slots }
        guard !free.isEmpty else {
            return "all slots of the workers that fit are busy: \(named(trusted) { Self.load($0) })"
        }
        let roomy = free.filter { $0.hasRoom(job.needs) }
        guard !roomy.isEmpty else { return roomReason(job, trusted) }
        guard !roomy.allSatisfy({ $0.keptFor.map { $0 != job.row } ?? false }) else {
            return "the workers that fit are kept for a job that was passed over: \(named(roomy) { Self.load($0) })"
        }
        guard free.contains(where: \.isAsking) else {
            return "the workers that fit take no new jobs just now (stopping, or short of disk): "
                + named(free) { Self.load($0) }
        }
        return "it is about to be handed out"
    }

    /// It fits, but not beside what runs now.
    private func roomReason(_ job: WaitingJob, _ workers: [Worker]) -> String {
        let what =
            job.needs.gpus > 1
            ? "it needs \(WorkerOffer.gpuText(job.needs)) of one worker at the same time" : "it needs a free GPU"
        if let keeper = workers.first(where: { $0.keptFor == job.row }) {
            return "\(what); \(keeper.title) is kept for it until there is room: \(Self.load(keeper))"
        }
        return "\(what), and waits for room: \(named(workers) { Self.load($0) })"
    }

    private static func load(_ worker: Worker) -> String {
        // A worker may have claimed a few jobs more than it runs.
        let slots = "\(min(worker.busy, worker.slots)) of \(worker.slots) slots busy"
        let places = worker.offer.devices.count * worker.offer.gpuShare
        return places == 0 ? slots : slots + ", \(worker.freeGPUs.count) of \(places) GPUs free"
    }

    /// What the nearest workers lack, and what they have.
    private func lacks(_ needs: RequirementSpec) -> String {
        let all = workers.map { (worker: $0, lacks: $0.offer.missing(needs)) }.sorted {
            $0.lacks.count < $1.lacks.count
        }
        let nearest = all.prefix(Self.mostNamed).map { one in
            one.lacks.map { "it needs \($0.need), \(one.worker.title) has \($0.has)" }.joined(separator: "; ")
        }
        let rest = all.count - nearest.count
        return nearest.joined(separator: "; ") + (rest > 0 ? "; nor do \(rest) more workers" : "")
    }

    private func named(_ workers: [Worker], _ more: (Worker) -> String) -> String {
        let first = workers.prefix(Self.mostNamed).map { "\($0.title), \(more($0))" }.joined(separator: "; ")
        let rest = workers.count - Self.mostNamed
        return first + (rest > 0 ? "; and \(rest) more" : "")
    }

    /// Whole seconds up to two minutes, else minutes.
    private static func text(_ duration: Duration) -> String {
        let seconds = max(1, Int(duration.inSeconds.rounded(.up)))
        return seconds < 120 ? "\(seconds) s" : "\((seconds + 59) / 60) min"
    }
}
