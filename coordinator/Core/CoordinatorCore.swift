package import Ports
import RunSpec
package import SweepModel
import SweepWire

/// The coordinator's decisions: events and the time go in, effects come out. No clock, no disk, no socket.
///
/// It owns only what is in memory: jobs that wait (a copy of what the ledger says), leases with their
/// deadlines, sessions and waiting polls. It never decides what a `WHERE` must decide: a candidate that no
/// longer waits is simply not granted, a late report is refused by the ledger's fence. Answers leave after
/// `committed`.
package struct CoordinatorCore: Sendable {
    struct Lease: Sendable {
        var token: AttemptToken
        var row: Int64
        var priority: Int
        var needs: RequirementSpec
        var session: SessionID
        var worker: WorkerID
        var deadline: MonotonicTime
        /// The ledger was told that the lease ran out: only a revival makes it good again.
        var isExpired = false
        var stop: StopReason?
    }

    struct Poll: Sendable {
        var number: UInt64
        /// What the worker has free.
        var capacity: WorkerCapacity
        var deadline: MonotonicTime
        var replies: [ReplyID]
        /// Order of arrival, for fairness.
        var order: UInt64
    }

    struct Session: Sendable {
        var record: WorkerRecord
        var standing: WorkerStanding
        var lastSeen: MonotonicTime
        var wasSeen = false
        /// Heard from since the start of the coordinator: before that only the ledger knows when it was.
        var isHeard = false
        /// At the start, for how long it had been silent then.
        var silentAtStart: Duration = .zero
        /// Exchanges whose answers the ledger remembers.
        var answered: [UInt64] = []
        var highest: UInt64 = 0
        var inFlight: [UInt64: CommitID] = [:]
        var worker: WorkerID { record.worker }
    }

    enum Pending: Sendable {
        case register(RegisterRequest, ReplyID)
        /// The session may be over when the commit is answered; what was granted is granted to the worker all
        /// the same.
        case exchange(SessionID, WorkerID, UInt64, [ReplyID], [ReadyQueue.Candidate])
        case heartbeat(HeartbeatRequest, ReplyID, [AttemptVerdict])
        case expire([AttemptToken])
        case seen
        case goodbye(ReplyID)
        case waiting
    }

    let settings: CoordinatorSettings
    var ready = ReadyQueue()
    /// Behind which jobs wait that were not read yet; nil when all are known.
    var unread: WaitingPart.Place?
    /// The next of them are on their way, or the ledger has refused and that was told.
    var isReading = false
    var isUnreadTold = false
    var delayed: [Int64: (due: MonotonicTime, entry: ReadyQueue.Entry, needs: RequirementSpec)] = [:]
    /// How often each job that has not ended was granted since the start.
    var turns: [Int64: Int] = [:]
    var leases = LeaseTable()
    var sessions: [SessionID: Session] = [:]
    /// The newest session of each worker; an older one is over.
    var newest: [WorkerID: SessionID] = [:]
    /// The long poll of each session that waits: of thousands, what is due is found without looking at the
    /// sessions.
    var polls: [SessionID: Poll] = [:]
    var pending: [CommitID: Pending] = [:]
    /// Workers that get one trial job at a time, and when the next may begin.
    var suspended: [WorkerID: MonotonicTime] = [:]
    /// The worker that is kept for a job that was passed over for too long, by the job's row.
    var keepers: [Int64: WorkerID] = [:]
    var isStopping = false
    /// The disk is nearly full: what runs goes on, nothing new is handed out.
    var isDiskFull = false
    private var lastCommit: UInt64 = 0
    var lastOrder: UInt64 = 0
    var lastTick: MonotonicTime
    /// Before this no worker falls silent that had not by the last tick.
    var nextSilence: MonotonicTime
    var lastSeenWrite: MonotonicTime

    /// Every open attempt gets one fresh lease from now: silence before the start is nobody's fault.
    package init(settings: CoordinatorSettings, start: LedgerSnapshot, now: MonotonicTime) {
        self.settings = settings
        lastTick = now
        nextSilence = now
        lastSeenWrite = now
        for worker in start.workers {
            if let wait = worker.trialInSeconds { suspended[worker.record.worker] = now + .seconds(wait) }
            guard !worker.hasLeft else { continue }
            newest[worker.record.worker] = worker.record.session
            sessions[worker.record.session] = Session(
                record: worker.record, standing: worker.standing, lastSeen: now,
                silentAtStart: .seconds(max(0, worker.silentSeconds)), answered: worker.exchanges,
                highest: worker.exchanges.max() ?? 0)
        }
        for open in start.open {
            leases[open.token.job] = Lease(
                token: open.token, row: open.job.row, priority: open.job.priority, needs: open.job.needs,
                session: open.session, worker: open.worker, deadline: now + settings.lease, isExpired: open.isExpired,
                stop: open.isPausing ? .pause : open.isEnough ? .finish : nil)
        }
        for job in start.waiting { wait(job, now: now) }
        unread = start.unread
    }

    /// The one entrance.
    package mutating func handle(_ event: CoordinatorEvent, now: MonotonicTime) -> [CoordinatorEffect] {
        switch event {
        case .register(let request, let reply, let caller): register(request, reply, by: caller)
        case .exchange(let request, let reply): exchange(request, reply, now: now)
        case .heartbeat(let request, let reply): heartbeat(request, reply, now: now)
        case .disconnected(let reply): disconnected(reply)
        case .committed(let id, let outcome): committed(id, outcome, now: now)
        case .refused(let id, let error): refused(id, error, now: now)
        case .changed(let changes, let stopping, let continuing):
            changed(changes, stopping: stopping, continuing: continuing, now: now)
        case .enough(let tokens): enough(tokens)
        case .workerChanged(let worker, let standing): workerChanged(worker, standing, now: now)
        case .goodbye(let request, let reply): goodbye(request, reply)
        case .forgotten(let workers): forgotten(workers)
        case .tick: tick(now: now)
        case .diskChanged(let isFull): diskChanged(isFull: isFull)
        case .stop: stop()
        }
    }

    /// Jobs that could be claimed now; for people and tests.
    package var waitingCount: Int { ready.count }
    package var leaseCount: Int { leases.count }

    /// When each worker was last heard from, as far as this process knows.
    package var lastSeen: [WorkerID: MonotonicTime] {
        Dictionary(
            sessions.values.filter(\.isHeard).map { ($0.worker, $0.lastSeen) }, uniquingKeysWith: max)
    }

    /// Whose session it is; nil for one that is not known here.
    package func worker(of session: SessionID) -> WorkerID? { sessions[session]?.worker }

    mutating func commit(_ command: LedgerCommand, _ what: Pending) -> CoordinatorEffect {
        lastCommit += 1
        let id = CommitID(lastCommit)
        pending[id] = what
        return .commit(id, command)
    }

    /// A job that comes back goes on before younger ones, but only so often: what is lost again and again
    /// must not hold up those behind it. So no job overtakes another of its priority more than this many
    /// times.
    static let mostTurns = 8

    /// Puts a job where jobs wait: now, or after its delay.
    mutating func wait(_ change: JobChange, now: MonotonicTime) {
        guard !change.isHeld else {
            ready.remove(change.row)
            delayed[change.row] = nil
            return
        }
        let hadTurns = turns[change.row, default: 0] >= Self.mostTurns && !Mutant.isOn("turns-without-end")
        let entry = ReadyQueue.Entry(
            row: change.row, priority: change.priority, avoid: change.avoid,
            behind: hadTurns ? ready.lastPlace : nil)
        if change.delaySeconds > 0 {
            ready.remove(change.row)
            delayed[change.row] = (now + .seconds(change.delaySeconds), entry, change.needs)
        } else {
            delayed[change.row] = nil
            ready.insert(entry, needs: change.needs)
        }
    }

    /// Brings memory in line with what the ledger says of a job.
    mutating func apply(_ change: JobChange, now: MonotonicTime) {
        if let ended = change.ended, leases[change.job]?.token == ended { leases[change.job] = nil }
        if change.state == .waiting {
            wait(change, now: now)
        } else {
            ready.remove(change.row)
            delayed[change.row] = nil
            if change.state.isFinished { turns[change.row] = nil }
        }
    }
}
