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
    // The core hears of commits off the writer's thread, one after the other in their order.
    private let outcomes = DispatchQueue(label: "coordinator.outcomes")
    private let translator = LedgerTranslator()

    init(ledger: Ledger, settings: CoordinatorSettings, time: any TimeSource, logger: Logger) async throws {
        self.ledger = ledger
        self.time = time
        self.logger = logger
        let start = try await ledger.snapshot(at: time.wall())
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

    /// How long ago each worker was last heard from.
    var silences: [WorkerID: Duration] {
        let now = time.monotonic()
        return state.withLock { $0.core.lastSeen }.mapValues { now - $0 }
    }

    /// Workers that were heard from lately.
    var connected: Set<WorkerID> {
        let now = time.monotonic()
        return state.withLock { $0.core.connected(now: now) }
    }

    /// What decides why jobs wait.
    var waitBoard: WaitBoard {
        let now = time.monotonic()
        return state.withLock { $0.core.waitBoard(now: now) }
    }

    /// Whose session it is; nil for one that is not known here.
    func worker(of session: SessionID) -> WorkerID? { state.withLock { $0.core.worker(of: session) } }

    private func submit(_ id: CommitID, _ command: LedgerCommand) {
        translator.submit(command, to: ledger, now: time.wall()) { outcome in
            self.outcomes.async {
                do {
                    self.tell(.committed(id, try outcome()))
                } catch {
                    self.tell(.refused(id, WireError.from(error)))
                }
            }
        }
    }
}
