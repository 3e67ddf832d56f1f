package import CoordinatorCore
package import Logging
package import Ports
package import SweepLedger
package import SweepModel
import SweepWire
import Synchronization

/// Feeds events and the time to the core, and does what it says: commits to the ledger, answers to those who
/// wait.
package final class CoordinatorEngine: Sendable {
    /// Gets the answer to a request, once.
    package typealias Answer = @Sendable (CoordinatorReply) -> Void

    private struct State {
        var core: CoordinatorCore
        var waiting: [ReplyID: Answer] = [:]
        var lastReply: UInt64 = 0
    }

    package let work: any LedgerWork
    package let time: any TimeSource
    package let logger: Logger
    private let watch: (any EngineWatch)?
    private let state: Mutex<State>

    /// - Parameter start: what the ledger says when the process begins.
    package init(
        _ work: any LedgerWork, settings: CoordinatorSettings, start: LedgerSnapshot, time: any TimeSource,
        logger: Logger, watch: (any EngineWatch)? = nil
    ) {
        self.work = work
        self.time = time
        self.logger = logger
        self.watch = watch
        state = Mutex(State(core: CoordinatorCore(settings: settings, start: start, now: time.monotonic())))
        for fault in start.faults { logger.error("\(fault)") }
    }

    package var ledger: Ledger { work.ledger }

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
            state.withLock { $0.waiting[id] = { continuation.resume(returning: $0) } }
            tell(event(id))
        }
    }

    /// The same for one who is called back: at once, on this thread, where the answer is known.
    ///
    /// - Returns: the request's id, by which it can be given up.
    func ask(_ event: (ReplyID) -> CoordinatorEvent, answer: @escaping Answer) -> ReplyID {
        let now = now
        let (id, answers) = state.withLock { state in
            state.lastReply += 1
            let id = ReplyID(state.lastReply)
            state.waiting[id] = answer
            return (id, perform(event(id), &state, now: now))
        }
        for (answer, reply) in answers { answer(reply) }
        return id
    }

    /// Hands an event in and performs its effects. Commits are submitted under the lock, so their order is
    /// the core's.
    package func tell(_ event: CoordinatorEvent) {
        let now = now
        let answers = state.withLock { perform(event, &$0, now: now) }
        for (answer, reply) in answers { answer(reply) }
    }

    private func perform(
        _ event: CoordinatorEvent, _ state: inout State, now: MonotonicTime
    ) -> [(Answer, CoordinatorReply)] {
        var answers: [(Answer, CoordinatorReply)] = []
        watch?.hears(event, state.core)
        for effect in state.core.handle(event, now: now) {
            watch?.decides(effect, state.core)
            switch effect {
            case .commit(let id, let command): submit(id, command)
            case .reply(let id, let reply):
                if let answer = state.waiting.removeValue(forKey: id) { answers.append((answer, reply)) }
            case .log(let text): logger.warning("\(text)")
            }
        }
        return answers
    }

    private var now: MonotonicTime {
        if Mutant.isOn("deadline-from-wall-clock") {
            return MonotonicTime(nanoseconds: time.wall().milliseconds &* 1_000_000)
        }
        return time.monotonic()
    }

    /// Answers all who still wait: nobody else will.
    package func close() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting
        }
        for (_, answer) in waiting.sorted(by: { $0.key.value < $1.key.value }) {
            answer(.refused(WireError(.unavailable, "the coordinator ends", retryAfter: 1)))
        }
    }

    /// Gives up a waiting request: its peer is gone.
    package func abandon(_ id: ReplyID) {
        tell(.disconnected(id))
        let answer = state.withLock { $0.waiting.removeValue(forKey: id) }
        answer?(.refused(WireError(.unavailable, "the connection was closed")))
    }

    /// How long ago each worker was last heard from.
    package var silences: [WorkerID: Duration] {
        let now = time.monotonic()
        return state.withLock { $0.core.lastSeen }.mapValues { now - $0 }
    }

    /// Workers that were heard from lately.
    package var connected: Set<WorkerID> {
        let now = time.monotonic()
        return state.withLock { $0.core.connected(now: now) }
    }

    /// What decides why jobs wait.
    package var waitBoard: WaitBoard {
        let now = time.monotonic()
        return state.withLock { $0.core.waitBoard(now: now) }
    }

    /// Whose session it is; nil for one that is not known here.
    package func worker(of session: SessionID) -> WorkerID? { state.withLock { $0.core.worker(of: session) } }

    private func submit(_ id: CommitID, _ command: LedgerCommand) {
        work.submit(command, now: time.wall()) { outcome in
            do {
                self.tell(.committed(id, try outcome()))
            } catch {
                self.tell(.refused(id, WireError.from(error)))
            }
        }
    }
}
