import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// A worker of the small world as a value: the real core, a spool that loses nothing, and a trainer of three
/// steps.
struct SmallWorker {
    struct Spool {
        var points: UInt64 = 0
        /// The first that is not trimmed away.
        var first: UInt64 = 1
        /// Step of each point.
        var steps: [Int64] = []
        var lastReport: UInt64 = 0
        var reports: [SpooledReport] = []
    }

    let number: Int
    var core: WorkerCore
    var clock = MonotonicTime(nanoseconds: 1_000_000_000)
    var wake: MonotonicTime?
    var life = 0
    var sessions = 0
    var spools: [AttemptToken: Spool] = [:]
    /// Where the program of each trainer stands.
    var running: [AttemptToken: Int] = [:]
    /// What it has heard and done.
    var history: UInt64
    var sent: UInt64 = 0

    init(_ number: Int) {
        self.number = number
        history = UInt64(100 + number)
        core = Self.core()
    }

    static func core() -> WorkerCore { WorkerCore(settings: WorkerSettings(slots: 1), random: Always()) }

    // No jitter: chance is in the order of steps.
    private struct Always: RandomSource {
        func next() -> UInt64 { 1 << 63 }
    }

    /// What it holds, whatever it has heard.
    var content: UInt64 {
        mutating get {
            if let known = knownContent { return known }
            let fresh = StateHash(now: clock)((core, wake, life, sessions, spools, running))
            knownContent = fresh
            return fresh
        }
    }
    /// Until it hears something.
    var knownContent: UInt64?

    mutating func spool(_ token: AttemptToken, _ body: Report.Body) -> SpooledReport {
        var spool = spools[token] ?? Spool()
        spool.lastReport += 1
        let report = SpooledReport(number: spool.lastReport, body: body, hasBlobs: false)
        spool.reports.append(report)
        spools[token] = spool
        return report
    }
}

/// What workers were told, whatever happens later.
struct SmallPromises {
    var acknowledged: [AttemptToken: UInt64] = [:]
    var holders: [AttemptToken: Int] = [:]
    /// Points and checkpoints of superseded attempts.
    var frozen: [Int: [Int]] = [:]
    /// Set by the first thing that must not be.
    var violation: String?

    mutating func heard(_ event: WorkerEvent, by worker: Int) {
        switch event {
        case .metricsAnswered(let token, .acknowledged(let next)):
            acknowledged[token] = max(acknowledged[token] ?? 0, next - 1)
        case .exchanged(_, let response):
            for grant in response.grants {
                if let holder = holders[grant.token], holder != worker {
                    violation = "I6: \(grant.token) was granted to both workers"
                }
                holders[grant.token] = worker
            }
        default: break
        }
    }
}

extension SmallWorld {
    mutating func feed(_ event: WorkerEvent, _ number: Int) {
        workers[number].knownContent = nil
        var queue = [event]
        while !queue.isEmpty {
            let effects = workers[number].core.handle(queue.removeFirst(), now: workers[number].clock)
            for effect in effects { perform(effect, number, &queue) }
        }
    }

    private mutating func perform(_ effect: WorkerEffect, _ number: Int, _ queue: inout [WorkerEvent]) {
        switch effect {
        case .register:
            workers[number].sessions += 1
            let digits = String(workers[number].sessions)
            let session = "\(number)" + String(repeating: "0", count: 31 - digits.count) + digits
            send(
                .register(
                    RegisterRequest(
                        WorkerRecord(
                            worker: WorkerID("worker-\(number)"), name: "w\(number)",
                            session: SessionID(rawValue: session),
                            slots: 1, threads: 1))), number)
        case .exchange(let request): send(.exchange(request), number)
        case .heartbeat(let request): send(.heartbeat(request), number)
        case .run(let grant, _):
            workers[number].spools[grant.token] = SmallWorker.Spool()
            workers[number].running[grant.token] = grant.resume == nil ? 0 : 2
            queue.append(.started(grant.token))
        // No rule ends a job of the small world early.
        case .stop(let token), .finishAttempt(let token), .kill(let token):
            if workers[number].running.removeValue(forKey: token) != nil { queue.append(.ended(token, .stopped)) }
        case .spool(let token, let body): queue.append(.reportSpooled(token, workers[number].spool(token, body)))
        // Nothing is refused in the small world, so no batch has a limit.
        case .sendMetrics(let token, let first, _), .passOver(let token, let first):
            sendMetrics(token, first, number, &queue)
        case .upload(let token, let report): queue.append(.uploaded(token, report: report))
        case .trimPoints(let token, let below):
            let first = workers[number].spools[token]?.first ?? 1
            workers[number].spools[token]?.first = max(first, below)
        case .settle(let token, let report): workers[number].spools[token]?.reports.removeAll { $0.number == report }
        case .discard(let token):
            workers[number].spools[token] = nil
            workers[number].running[token] = nil
        case .wake(let due): workers[number].wake = due
        case .log, .finish: break
        }
    }

    private mutating func send(_ body: Body, _ number: Int) {
        workers[number].sent += 1
        let id = mix(workers[number].history, workers[number].sent)
        network.append(Message(id: id, worker: number, life: workers[number].life, body: body))
    }

    private mutating func sendMetrics(
        _ token: AttemptToken, _ first: UInt64, _ number: Int, _ queue: inout [WorkerEvent]
    ) {
        guard let spool = workers[number].spools[token], first <= spool.points else {
            return queue.append(.metricsAnswered(token, .acknowledged(next: first)))
        }
        let points = (first...spool.points).map { point in
            // What was trimmed is lost, as the real spool says.
            point < spool.first
                ? MetricPoint(key: "spool.lost", step: Int64(point), value: .nan)
                : MetricPoint(key: "loss", step: spool.steps[Int(point) - 1], value: 0.5)
        }
        send(.metrics(MetricBatch(token: token, first: first, points: points)), number)
    }

    /// The trainer's next step: a point, a state, a point, the end. One that goes on from the state begins
    /// behind it.
    mutating func train(_ number: Int) {
        guard let token = workers[number].running.keys.min(by: { $0.attempt < $1.attempt }),
            let place = workers[number].running[token]
        else { return }
        workers[number].history = mix(workers[number].history, 19)
        workers[number].running[token] = place + 1
        switch place {
        case 0, 2:
            workers[number].spools[token]?.points += 1
            workers[number].spools[token]?.steps.append(place == 0 ? 1 : 2)
            feed(.pointsSpooled(token, total: workers[number].spools[token]?.points ?? 0), number)
        case 1:
            let manifest = CheckpointManifest(
                step: 1, epoch: 0, final: false,
                files: [.init(name: "state.bin", kind: .state, bytes: 1, sha256: Self.state)])
            let body = CheckpointReport(
                name: AttemptFolder.checkpointName(step: 1), manifest: manifest,
                streamPosition: workers[number].spools[token]?.points ?? 0)
            feed(.reportSpooled(token, workers[number].spool(token, .checkpoint(body))), number)
        default:
            workers[number].running[token] = nil
            feed(.ended(token, .finished), number)
        }
    }

    /// The digest of the one state, which is in the store from the beginning.
    static let state = String(repeating: "ab", count: 32)

    /// The process ends and starts again: its spools are all that is left.
    mutating func restart(_ number: Int) {
        let spools = workers[number].spools
        workers[number].history = mix(workers[number].history, 20)
        workers[number].life += 1
        workers[number].core = SmallWorker.core()
        workers[number].running = [:]
        workers[number].wake = nil
        let life = workers[number].life
        // Nobody waits for their answers; requests that are under way arrive all the same.
        network.removeAll { $0.worker == number && $0.answer != nil && $0.life < life }
        for token in spools.keys.sorted(by: { $0.attempt < $1.attempt }) {
            guard let spool = spools[token] else { continue }
            feed(.recovered(token, pointsFrom: spool.first), number)
            if !spool.reports.contains(where: \.isFinal) {
                _ = workers[number].spool(token, .released(ReleaseReport(reason: .restart)))
            }
            feed(.pointsSpooled(token, total: spool.points), number)
            for report in workers[number].spools[token]?.reports ?? [] { feed(.reportSpooled(token, report), number) }
        }
        feed(.begin, number)
    }
}
