import Ports
import RunSpec
import SweepModel
import SweepWire
import WorkerCore

/// A core on a bench: events by hand, effects collected, time standing still until it is moved.
struct Bench {
    static let session = SessionID(rawValue: String(repeating: "a", count: 32))

    var core: WorkerCore
    var now = MonotonicTime.zero

    init(slots: Int = 1, gpus: Int = 0, share: Int = 1) {
        let devices = (0..<gpus).map { GPUDevice(index: String($0), uuid: "u\($0)") }
        core = WorkerCore(
            settings: WorkerSettings(slots: slots, gpus: devices, gpuShare: share), random: SeededRandom(seed: 1))
    }

    /// A core that is registered; its first exchange and heartbeat are on their way.
    static func registered(slots: Int = 1, gpus: Int = 0, share: Int = 1, leftovers: [AttemptToken] = []) -> (
        bench: Bench, effects: [WorkerEffect]
    ) {
        var bench = Bench(slots: slots, gpus: gpus, share: share)
        _ = bench.send(.begin)
        let effects = bench.register(leftovers: leftovers)
        return (bench, effects)
    }

    /// The coordinator's answer to a registration.
    mutating func register(leftovers: [AttemptToken]) -> [WorkerEffect] {
        let response = RegisterResponse(
            ledger: "ledger", epoch: 1, leaseSeconds: 60, heartbeatSeconds: 10, leftovers: leftovers)
        return send(.registered(Self.session, response))
    }

    mutating func send(_ event: WorkerEvent) -> [WorkerEffect] { core.handle(event, now: now) }

    mutating func answer(
        _ number: UInt64, outcomes: [ReportOutcome] = [], grants: [Grant] = [], stops: [StopOrder] = []
    ) -> [WorkerEffect] {
        send(
            .exchanged(
                Self.session,
                ExchangeResponse(
                    number: number, outcomes: outcomes, grants: grants.map { .read($0) }, stops: stops)))
    }

    mutating func heartbeatAnswer(
        _ verdicts: [(AttemptToken, AttemptVerdict)], draining: Bool = false, wait: Double? = nil
    ) -> [WorkerEffect] {
        send(
            .heartbeatAnswered(
                Self.session, attempts: verdicts.map(\.0),
                HeartbeatResponse(verdicts: verdicts.map(\.1), isDraining: draining, waitSeconds: wait)))
    }

    static func token(_ job: Int, attempt: Int = 1) -> AttemptToken {
        AttemptToken(
            ledger: "ledger", epoch: 1, job: JobID(ContentDigest.of("job \(job)")), attempt: AttemptNumber(attempt))
    }

    static func grant(_ job: Int, attempt: Int = 1, timeout: Double? = nil) -> Grant {
        let token = token(job, attempt: attempt)
        let resolved = ResolvedJob(
            id: token.job, configuration: ConfigurationID(token.job.digest), sweep: SweepName("sweep")!,
            group: "group-1",
            trainer: .command(CommandTrainer(command: ["true"])), given: [:], parameters: [:], seed: 1,
            timeoutSeconds: timeout)
        return Grant(token: token, job: resolved, leaseSeconds: 60)
    }

    static func checkpoint(_ number: UInt64, step: Int, position: UInt64 = 0, isStateOnly: Bool = false)
        -> SpooledReport
    {
        let file = CheckpointManifest.File(
            name: "x", kind: isStateOnly ? .state : .adapter, bytes: 1, sha256: ContentDigest.of("x").text)
        let manifest = CheckpointManifest(step: step, epoch: 0, final: false, files: [file])
        return SpooledReport(
            number: number,
            body: .checkpoint(CheckpointReport(name: "step-\(step)", manifest: manifest, streamPosition: position)),
            hasBlobs: true)
    }
}

extension [WorkerEffect] {
    var exchanges: [ExchangeRequest] {
        compactMap { if case .exchange(let request) = $0 { request } else { nil } }
    }
    var heartbeats: [HeartbeatRequest] {
        compactMap { if case .heartbeat(let request) = $0 { request } else { nil } }
    }
    var wakes: [MonotonicTime] {
        compactMap { if case .wake(let due) = $0 { due } else { nil } }
    }
    var spooled: [Report.Body] {
        compactMap { if case .spool(_, let body) = $0 { body } else { nil } }
    }
}
