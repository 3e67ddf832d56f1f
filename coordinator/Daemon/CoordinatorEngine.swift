import CoordinatorCore
import Dispatch
import Logging
import Ports
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// Feeds events and the time to the core, and does what it says: commits to the ledger, answers to those who wait.
final class CoordinatorEngine: Sendable {
    private struct State {
        var core: CoordinatorCore
        var waiting: [ReplyID: CheckedContinuation<CoordinatorReply, Never>] = [:]
        var lastReply: UInt64 = 0
    }

    let ledger: Ledger
    let time: any TimeSource
    let logger: Logger
    private let state: Mutex<State>
    // Outcomes are translated (JSON) off the writer's thread, one after the other: the core hears of commits in their
    // order.
    private let outcomes = DispatchQueue(label: "coordinator.outcomes")
    let translator = LedgerTranslator()

    init(ledger: Ledger, settings: CoordinatorSettings, time: any TimeSource, logger: Logger) async throws {
        self.ledger = ledger
        self.time = time
        self.logger = logger
        let start = try translator.start(try await ledger.snapshot(), wall: time.wall())
        state = Mutex(State(core: CoordinatorCore(settings: settings, start: start, now: time.monotonic())))
    }

    /// Hands an event in that wants an answer, and waits for it.
    ///
    /// - Parameter started: called with the request's id, by which it can be given up (`disconnected`).
    func ask(
        started: (ReplyID) -> Void = { _ in }, _ event: (ReplyID) -> CoordinatorEvent
    ) async -> CoordinatorReply {
        let id = state.withLock { state in
            state.lastReply += 1
            return ReplyID(state.lastReply)
        }
        started(id)
        return await withCheckedContinuation { continuation in
            state.withLock { $0.waiting[id] = continuation }
            tell(event(id))
        }
    }

    /// Hands an event in and performs its effects. Commits are submitted under the lock, so their order is the core's.
    func tell(_ event: CoordinatorEvent) {
        let now = time.monotonic()
        let answers = state.withLock { state in
            var answers: [(CheckedContinuation<CoordinatorReply, Never>, CoordinatorReply)] = []
            for effect in state.core.handle(event, now: now) {
                switch effect {
                case .commit(let id, let command): submit(id, command)
                case .reply(let id, let reply):
                    if let continuation = state.waiting.removeValue(forKey: id) {
                        answers.append((continuation, reply))
                    }
                case .log(let text): logger.warning("\(text)")
                }
            }
            return answers
        }
        for (continuation, reply) in answers { continuation.resume(returning: reply) }
    }

    /// Gives up a waiting request: its peer is gone.
    func abandon(_ id: ReplyID) {
        tell(.disconnected(id))
        let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
        continuation?.resume(returning: .refused(WireError(.unavailable, "the connection was closed")))
    }

    /// Seconds since a worker was last heard from.
    func silence(of worker: WorkerID) -> Duration? {
        let now = time.monotonic()
        return state.withLock { state in state.core.lastSeen(worker).map { now - $0 } }
    }

    /// Whose session it is; nil for one that is not known here.
    func worker(of session: SessionID) -> WorkerID? { state.withLock { $0.core.worker(of: session) } }

    private func submit(_ id: CommitID, _ command: LedgerCommand) {
        let now = time.wall()
        switch command {
        case .register(let request):
            run(RegisterWorker(worker: translator.record(request), ledgerID: ledger.id, now: now), id) {
                .registered(leftovers: $0.leftovers, LedgerTranslator.standing($0.state))
            }
        case .exchange(let session, let worker, let number, let reports, let candidates):
            let verb = ExchangeVerb(
                session: session.rawValue, worker: worker, number: number,
                reports: reports.map(LedgerTranslator.report),
                candidates: candidates, ledgerID: ledger.id, epoch: ledger.epoch, now: now)
            run(verb, id) { [translator] in .exchanged(try translator.outcome($0)) }
        case .expire(let tokens):
            run(ExpireLeases(tokens: tokens, now: now), id) { [translator] in .expired(try $0.map(translator.news)) }
        case .revive(let tokens):
            run(ReviveAttempts(tokens: tokens, now: now), id) { .revived($0.revived, superseded: $0.superseded) }
        case .seen(let workers):
            run(NoteWorkersSeen(workers: workers, now: now), id) { _ in .noted }
        }
    }

    private func run<Verb: LedgerVerb>(
        _ verb: Verb, _ id: CommitID, _ translate: @escaping @Sendable (Verb.Outcome) throws -> LedgerOutcome
    ) {
        ledger.writer.submit(verb) { result in
            self.outcomes.async {
                do {
                    self.tell(.committed(id, try translate(try result.get())))
                } catch {
                    self.tell(.refused(id, WireError.from(error)))
                }
            }
        }
    }
}
