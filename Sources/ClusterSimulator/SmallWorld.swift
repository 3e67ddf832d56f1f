import CoordinatorCore
import CoordinatorOperations
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// One job, two workers, a coordinator that may crash: everything but the ledger as a value, so that a search
/// can go on from it in every way. The cores are the real ones.
struct SmallWorld {
    /// How often what may always happen still may.
    struct Budget: Hashable {
        var crashes = 0, expiries = 0, beats = 0, restarts = 0, losses = 0, duplicates = 0

        /// From few faults to all of them: each is searched whole before the next.
        static let ladder = [
            Budget(), Budget(crashes: 1), Budget(expiries: 1, beats: 1), Budget(losses: 1, duplicates: 1),
            Budget(expiries: 1, restarts: 1), Budget(crashes: 1, expiries: 1),
            Budget(expiries: 1, beats: 1, duplicates: 1), Budget(crashes: 1, losses: 1, duplicates: 1),
            Budget(crashes: 1, expiries: 1, beats: 2, restarts: 1, losses: 1, duplicates: 1),
        ]
    }

    enum Step: Equatable, CustomStringConvertible {
        case deliver(UInt64)
        case deliverKeepingCopy(UInt64)
        case lose(UInt64)
        case commit, tell, crash, expire
        case work(Int)
        case beat(Int)
        case restart(Int)

        var description: String {
            switch self {
            case .deliver(let id): "deliver \(String(id, radix: 36).prefix(4))"
            case .deliverKeepingCopy(let id): "deliver \(String(id, radix: 36).prefix(4)), a copy stays"
            case .lose(let id): "lose \(String(id, radix: 36).prefix(4))"
            case .commit: "commit"
            case .tell: "tell"
            case .crash: "crash"
            case .expire: "a lease's time passes"
            case .work(let worker): "worker \(worker + 1) trains"
            case .beat(let worker): "worker \(worker + 1) wakes"
            case .restart(let worker): "worker \(worker + 1) starts again"
            }
        }
    }

    enum Body {
        case register(RegisterRequest)
        case exchange(ExchangeRequest)
        case heartbeat(HeartbeatRequest)
        case metrics(MetricBatch)
    }

    enum Answer {
        case event(WorkerEvent)
        /// Sent again.
        case refused
    }

    struct Message {
        let id: UInt64
        let worker: Int
        let life: Int
        let body: Body
        let answer: Answer?
        /// What it says, whenever it was sent.
        let content: UInt64

        init(id: UInt64, worker: Int, life: Int, body: Body, answer: Answer? = nil) {
            (self.id, self.worker, self.life, self.body, self.answer) = (id, worker, life, body, answer)
            let hash = StateHash(now: .zero)
            content = mix(hash((worker, life, body)), answer.map { hash($0) } ?? 0)
        }
    }

    enum Work {
        case command(CommitID, LedgerCommand)
        case metrics(MetricBatch, UInt64)
    }

    enum Told {
        case outcome(CommitID, LedgerOutcome)
        case metrics(MetricBatch, UInt64, AppendMetrics.Outcome)
    }

    let ledgerID: String
    let epoch: Int
    var core: CoordinatorCore
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    /// Asked of the ledger, in order; committed, but not heard of yet, in order.
    var work: [Work] = []
    var told: [Told] = []
    /// Requests that the coordinator has not answered.
    var open: [UInt64: Message] = [:]
    var lastReply: UInt64 = 0
    var workers: [SmallWorker]
    var network: [Message] = []
    var budget: Budget
    /// What has happened to the coordinator (and so to the ledger) so far: equal histories are equal states.
    var history: UInt64 = 1
    /// What the ledger holds.
    var ledgerState: UInt64 = 0
    /// `content` of the core, until it handles something.
    var knownCore: UInt64?
    /// What clients were told.
    var promises = SmallPromises()

    static let lease = Duration.seconds(60)

    init(ledgerID: String, epoch: Int, start: LedgerSnapshot, workers count: Int, budget: Budget) {
        self.budget = budget
        self.ledgerID = ledgerID
        self.epoch = epoch
        core = Self.core(ledgerID, epoch, start, MonotonicTime(nanoseconds: 1_000_000_000_000))
        workers = (0..<count).map { SmallWorker($0) }
        for worker in workers.indices { feed(.begin, worker) }
    }

    private static func core(
        _ ledgerID: String, _ epoch: Int, _ start: LedgerSnapshot, _ now: MonotonicTime
    ) -> CoordinatorCore {
        // "Last seen" is for people; its commits would only double the states.
        let settings = CoordinatorSettings(ledger: ledgerID, epoch: epoch, lease: lease, seenEvery: .seconds(1 << 30))
        return CoordinatorCore(settings: settings, start: start, now: now)
    }

    var steps: [Step] {
        var steps: [Step] = []
        var seen: Set<UInt64> = []
        for message in network where seen.insert(message.id).inserted {
            steps.append(.deliver(message.id))
            if message.answer == nil, budget.duplicates > 0 { steps.append(.deliverKeepingCopy(message.id)) }
            if budget.losses > 0 { steps.append(.lose(message.id)) }
        }
        if !work.isEmpty { steps.append(.commit) }
        if !told.isEmpty { steps.append(.tell) }
        for worker in workers.indices {
            if !workers[worker].running.isEmpty { steps.append(.work(worker)) }
            if workers[worker].wake != nil, budget.beats > 0 { steps.append(.beat(worker)) }
            if budget.restarts > 0, !workers[worker].spools.isEmpty { steps.append(.restart(worker)) }
        }
        if budget.crashes > 0 { steps.append(.crash) }
        if budget.expiries > 0, core.leaseCount > 0 { steps.append(.expire) }
        return steps
    }

    /// Whether anything can happen without a fault, or time that passes.
    var isAtRest: Bool { network.isEmpty && work.isEmpty && told.isEmpty && workers.allSatisfy(\.running.isEmpty) }

    // MARK: Steps

    mutating func take(_ step: Step, _ ledger: LedgerScratch, _ translator: LedgerTranslator) throws {
        switch step {
        case .deliver(let id): deliver(id, keepsCopy: false)
        case .deliverKeepingCopy(let id):
            budget.duplicates -= 1
            deliver(id, keepsCopy: true)
        case .lose(let id):
            budget.losses -= 1
            lose(id)
        case .commit:
            try commit(ledger, translator)
            ledgerState = try ledger.digest()
        case .tell: tell()
        case .crash:
            budget.crashes -= 1
            try crash(ledger)
        case .expire:
            budget.expiries -= 1
            history = mix(history, 11)
            // Second by second, as the daemon's ticks come.
            for _ in 0...Int(Self.lease.components.seconds) {
                now = now + .seconds(1)
                handle(.tick)
            }
        case .work(let worker): train(worker)
        case .beat(let worker):
            budget.beats -= 1
            workers[worker].history = mix(workers[worker].history, 12)
            if let wake = workers[worker].wake { workers[worker].clock = max(workers[worker].clock, wake) }
            workers[worker].wake = nil
            feed(.tick, worker)
        case .restart(let worker):
            budget.restarts -= 1
            restart(worker)
        }
    }

    private mutating func remove(_ id: UInt64) -> Message? {
        network.firstIndex { $0.id == id }.map { network.remove(at: $0) }
    }

    private mutating func deliver(_ id: UInt64, keepsCopy: Bool) {
        guard let message = remove(id) else { return }
        if let answer = message.answer {
            guard workers[message.worker].life == message.life else { return }
            workers[message.worker].history = mix(workers[message.worker].history, id)
            switch answer {
            case .event(let event):
                promises.heard(event, by: message.worker)
                feed(event, message.worker)
            case .refused: resend(message)
            }
            return
        }
        if keepsCopy {
            network.append(
                Message(id: mix(id, 13), worker: message.worker, life: message.life, body: message.body))
        }
        history = mix(history, id)
        lastReply += 1
        open[lastReply] = message
        let reply = ReplyID(lastReply)
        switch message.body {
        case .register(let request): handle(.register(request, reply))
        case .exchange(let request): handle(.exchange(request, reply))
        case .heartbeat(let request): handle(.heartbeat(request, reply))
        case .metrics(let batch): work.append(.metrics(batch, lastReply))
        }
    }

    /// A heartbeat is sent once; everything else is sent until it is answered.
    private mutating func lose(_ id: UInt64) {
        guard let message = remove(id) else { return }
        brokenOff(message)
    }

    private mutating func brokenOff(_ message: Message) {
        guard workers[message.worker].life == message.life else { return }
        guard case .heartbeat(let request) = message.body else { return resend(message) }
        workers[message.worker].history = mix(workers[message.worker].history, mix(message.id, 14))
        feed(.heartbeatFailed(request.session), message.worker)
    }

    private mutating func resend(_ message: Message) {
        network.append(
            Message(id: mix(message.id, 15), worker: message.worker, life: message.life, body: message.body))
    }

    private mutating func commit(_ ledger: LedgerScratch, _ translator: LedgerTranslator) throws {
        history = mix(history, 16)
        switch work.removeFirst() {
        case .command(let id, let command):
            let run = ScratchRun(ledger)
            translator.hand(command, of: ledgerID, epoch, now: WallTime(milliseconds: 0), to: run)
            guard let outcome = try run.outcome?.get() else { return }
            told.append(.outcome(id, outcome))
        case .metrics(let batch, let reply):
            let verb = AppendMetrics(token: batch.token, first: batch.first, series: batch.series, ledgerID: ledgerID)
            told.append(.metrics(batch, reply, try ledger.run(verb)))
        }
    }

    private mutating func tell() {
        history = mix(history, 17)
        switch told.removeFirst() {
        case .outcome(let id, let outcome): handle(.committed(id, outcome))
        case .metrics(let batch, let reply, let outcome):
            knownCore = nil  // the commits it waits for have moved up
            let answer: MetricAnswer =
                switch outcome {
                case .stored(let next, _): .acknowledged(next: next)
                case .gap(let expected): .gap(expected: expected)
                case .superseded: .superseded
                }
            self.answer(reply, .event(.metricsAnswered(batch.token, answer)))
        }
    }

    /// The process ends at once, and starts: what was not committed is gone, and every connection is broken.
    private mutating func crash(_ ledger: LedgerScratch) throws {
        history = mix(history, 18)
        work = []
        told = []
        let broken = open.sorted { $0.key < $1.key }
        open = [:]
        knownCore = nil
        core = Self.core(ledgerID, epoch, try ledger.snapshot(at: WallTime(milliseconds: 0)), now)
        for (_, message) in broken { brokenOff(message) }
    }

    private mutating func handle(_ event: CoordinatorEvent) {
        knownCore = nil
        for effect in core.handle(event, now: now) {
            switch effect {
            case .commit(let id, let command): work.append(.command(id, command))
            case .reply(let id, let reply): answer(id.value, self.event(reply, to: open[id.value]?.body))
            case .log: break
            }
        }
    }

    private func event(_ reply: CoordinatorReply, to body: Body?) -> Answer {
        switch (reply, body) {
        case (.registered(let response), .register(let request)): .event(.registered(request.session, response))
        case (.exchanged(let response), .exchange(let request)):
            .event(.exchanged(request.session, Self.carried(response)))
        case (.heartbeat(let response), .heartbeat(let request)):
            .event(.heartbeatAnswered(request.session, attempts: request.attempts.map(\.token), response))
        case (.refused(let error), .exchange(let request)) where error.code == .unknownSession:
            .event(.sessionLost(request.session))
        case (.refused(let error), .heartbeat(let request)) where error.code == .unknownSession:
            .event(.sessionLost(request.session))
        case (.refused, .heartbeat(let request)): .event(.heartbeatFailed(request.session))
        default: .refused
        }
    }

    /// As bytes, as it travels: a job is read where it arrives.
    private static func carried(_ response: ExchangeResponse) -> ExchangeResponse {
        guard !response.grants.isEmpty else { return response }
        do {
            return try ExchangeResponse(body: try response.body())
        } catch {
            preconditionFailure("an answer cannot be read: \(error)")
        }
    }

    private mutating func answer(_ reply: UInt64, _ answer: Answer) {
        guard let message = open.removeValue(forKey: reply), workers[message.worker].life == message.life else {
            return
        }
        network.append(
            Message(
                id: mix(history, reply), worker: message.worker, life: message.life, body: message.body, answer: answer)
        )
    }
}

/// Runs a verb where every state can be gone back to.
final class ScratchRun: VerbRun {
    private let ledger: LedgerScratch
    private(set) var outcome: Result<LedgerOutcome, any Error>?

    init(_ ledger: LedgerScratch) { self.ledger = ledger }

    func run<Verb: LedgerVerb>(
        _ verb: Verb, _ translate: @escaping @Sendable (Verb.Outcome) throws -> LedgerOutcome
    ) {
        outcome = Result { try translate(try ledger.run(verb)) }
    }
}

/// Two numbers made one, well scattered.
func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var word = (a ^ (b &* 0x9E37_79B9_7F4A_7C15)) &+ 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}
