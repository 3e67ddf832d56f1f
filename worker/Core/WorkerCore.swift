package import Ports
package import SweepModel
import SweepWire

/// The worker's decisions: events and the time go in, effects come out. No clock, socket, disk or process is
/// touched here.
///
/// Every attempt moves through `running` (prepare, train, read what was written) and `reporting` (hand in
/// what is spooled). Its metric points and its reports are numbered by the spool and sent in order; a final
/// report goes last. What the coordinator calls superseded is ended and forgotten at once.
package struct WorkerCore: Sendable {
    let settings: WorkerSettings
    /// The settings as an offer.
    let offer: WorkerOffer
    let random: any RandomSource
    /// Positions of the GPUs that each attempt has, from its start until its trainer has ended, also where
    /// the attempt itself was forgotten before that.
    var gpus: [AttemptToken: [Int]] = [:]
    var attempts: [AttemptToken: HeldAttempt] = [:]
    /// Attempts in the order they came, so that effects do not depend on hashing.
    var order: [AttemptToken] = []
    /// Jobs that were claimed before there was a slot for them, in their order.
    var claimed: [Grant] = []
    /// How many attempts in a row ended well as soon as they had begun, up to what is enough.
    var quickEnds = 0
    /// Since when ends wait for others to be handed in with.
    var endsWait: MonotonicTime?

    var session: SessionID?
    var isRegistering = false
    /// When this session began, and how many sessions in a row were lost soon after they had.
    var sessionBegin: MonotonicTime?
    var quickLosses = 0
    /// A registration that is put off, because the last ones did not last.
    var nextRegistration: MonotonicTime?
    var lastNumber: UInt64 = 0
    /// Number of the exchange that waits for jobs.
    var poll: UInt64?
    /// The exchange that carries reports, and how many of which attempt, in its order.
    var reporting: (number: UInt64, counts: [(token: AttemptToken, count: Int)])?

    /// After an exchange was refused: how many reports the next one has at most, and when it goes.
    var reportLimit: Int?
    var exchangeNotBefore: MonotonicTime?
    var pollsRefused = 0

    var heartbeatInterval: Duration = .seconds(10)
    /// How long a poll may take, in seconds: longer than usual where the coordinator says that many wait.
    var longestPoll = WireLimit.waitSeconds
    var nextHeartbeat: MonotonicTime?
    var isHeartbeatInFlight = false
    var failedHeartbeats = 0
    /// When an outage is told again.
    var nextOutageLog: MonotonicTime?

    var isDraining = false
    var isDiskLow = false
    var isStopping = false
    var farewellDeadline: MonotonicTime?
    var isFinished = false
    /// Since when there is nothing to do and nothing to hand in; kept only where that ends the worker.
    var idleSince: MonotonicTime?
    var nextWake: MonotonicTime?

    package init(settings: WorkerSettings, random: any RandomSource) {
        self.settings = settings
        offer = settings.offer
        self.random = random
    }

    /// Attempts held now, for status and tests.
    package var heldAttempts: [AttemptToken] { order }

    package mutating func handle(_ event: WorkerEvent, now: MonotonicTime) -> [WorkerEffect] {
        guard !isFinished else { return [] }
        var effects = react(to: event, now: now)
        effects += leaveIfDue(now: now)
        effects += startClaimed(now: now)
        if event.mayBringData {
            effects += sendMetrics(now: now)
            effects += uploadNext()
        }
        effects += exchange(now: now)
        effects += keepTime(now: now)
        return effects
    }

    private mutating func react(to event: WorkerEvent, now: MonotonicTime) -> [WorkerEffect] {
        switch event {
        case .begin:
            isRegistering = true
            return [.register]
        case .recovered(let token, let first, let fault): return recover(token, pointsFrom: first, fault, now: now)
        case .registered(let session, let response): return registered(session, response, now: now)
        case .exchanged(let session, let response): return exchanged(session, response, now: now)
        case .exchangeRefused(let session, let number, let message):
            return exchangeRefused(session, number, message, now: now)
        case .sessionLost(let lost): return sessionLost(lost, now: now)
        case .heartbeatAnswered(let session, let tokens, let response):
            return heartbeatAnswered(session, tokens, response, now: now)
        case .heartbeatFailed(let session, let isRefused):
            return heartbeatFailed(session, isRefused: isRefused, now: now)
        case .diskChanged(let isLow):
            isDiskLow = isLow
            return []
        case .stopRequested: return stopRequested(now: now)
        case .tick: return tick(now: now)
        case .started(let token):
            update(token) { $0.deadline = $0.timeLimit.map { now + $0 } }
            return []
        case .progress(let token, let phase, let step, let extent):
            update(token) { $0.moved(to: phase, step: step, extent: extent) }
            return []
        case .pointsSpooled(let token, let total):
            update(token) { $0.pointsSpooled = max($0.pointsSpooled, total) }
            return []
        case .reportSpooled(let token, let report): return enqueue(token, report)
        case .metricsAnswered(let token, let answer): return metricsAnswered(token, answer, now: now)
        case .uploaded(let token, let number):
            update(token) { attempt in
                attempt.uploading = nil
                attempt.uploaded.insert(number)
            }
            return []
        case .uploadFailed(let token, let number, let message): return uploadFailed(token, number, message)
        case .uploadVoid(let token, let number, let message): return uploadVoid(token, number, message)
        case .ended(let token, let end):
            gpus[token] = nil
            return ended(token, end, now: now)
        }
    }

    mutating func update(_ token: AttemptToken, _ change: (inout HeldAttempt) -> Void) {
        guard var attempt = attempts[token] else { return }
        change(&attempt)
        attempts[token] = attempt
    }

    mutating func hold(_ attempt: HeldAttempt) {
        if attempts.updateValue(attempt, forKey: attempt.token) == nil { order.append(attempt.token) }
    }

    mutating func forget(_ token: AttemptToken) {
        attempts[token] = nil
        order.removeAll { $0 == token }
        claimed.removeAll { $0.token == token }
    }
}
