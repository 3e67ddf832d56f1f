package import CoordinatorCore
import Dispatch
package import Ports
package import SweepLedger
import Synchronization

/// The places where an operation waits: commits of the ledger, and work that blocks. The daemon's is
/// ``LiveLedgerWork``; the simulator has its own, in which it decides when a commit happens and what fails.
package protocol LedgerWork: Sendable {
    var ledger: Ledger { get }

    /// Runs a verb in one of the next transactions.
    ///
    /// - Throws: `LedgerError`: then nothing of it is stored.
    func commit<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: LedgerWriter.Priority, bytes: Int
    ) async throws -> Verb.Outcome

    /// Hands a command of the core to the ledger.
    ///
    /// - Parameter completion: called after the commit, in the order of the commits, with what gives the
    ///   outcome or throws why nothing was stored.
    func submit(
        _ command: LedgerCommand, now: WallTime,
        completion: @escaping @Sendable (_ outcome: @escaping @Sendable () throws -> LedgerOutcome) -> Void)

    /// Reads or writes files of the blob store.
    ///
    /// - Parameter name: of the call, for messages.
    func withBlobs<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (BlobStore) throws -> Value
    ) async throws -> Value

    /// Computes for long: megabytes of YAML or JSON.
    func compute<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
}

extension LedgerWork {
    func commit<Verb: LedgerVerb>(_ verb: Verb, _ priority: LedgerWriter.Priority = .control) async throws
        -> Verb.Outcome
    { try await commit(verb, priority, bytes: 0) }
}

/// The ledger with its writer's thread, and threads for what blocks.
package struct LiveLedgerWork: LedgerWork {
    package let ledger: Ledger
    private let translator = LedgerTranslator()
    // The core hears of commits off the writer's thread, one after the other in their order.
    private let outcomes = OutcomeQueue()

    package init(_ ledger: Ledger) { self.ledger = ledger }

    package func commit<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: LedgerWriter.Priority, bytes: Int
    ) async throws -> Verb.Outcome { try await ledger.writer.perform(verb, priority, bytes: bytes) }

    package func submit(
        _ command: LedgerCommand, now: WallTime,
        completion: @escaping @Sendable (_ outcome: @escaping @Sendable () throws -> LedgerOutcome) -> Void
    ) {
        let outcomes = outcomes
        translator.submit(command, to: ledger, now: now) { outcome in outcomes.add { completion(outcome) } }
    }

    package func withBlobs<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (BlobStore) throws -> Value
    ) async throws -> Value {
        let blobs = ledger.blobs
        return try await BlockingWork.run { try body(blobs) }
    }

    package func compute<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await BlockingWork.run(body)
    }
}

/// Calls in their order, on a thread that is not the writer's. All outcomes of a batch come with one wake-up.
private final class OutcomeQueue: Sendable {
    private let queue = DispatchQueue(label: "coordinator.outcomes")
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    func add(_ call: @escaping @Sendable () -> Void) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(call)
            return waiting.count == 1
        }
        guard isFirst else { return }
        queue.async { [self] in
            let calls = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for call in calls { call() }
        }
    }
}
