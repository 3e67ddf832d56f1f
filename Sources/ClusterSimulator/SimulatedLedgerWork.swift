import CSimulatedDisk
import CoordinatorCore
import CoordinatorOperations
import Ports
import SweepLedger

/// The ledger of a simulated coordinator: commits happen when the world says so, and a witness hears of
/// everything before it is done.
// @unchecked: one thread uses a world and all that is in it.
struct SimulatedLedgerWork: LedgerWork, @unchecked Sendable {
    private unowned let coordinator: SimulatedCoordinator
    let ledger: Ledger
    private let process: SimulatedProcess

    init(_ coordinator: SimulatedCoordinator, _ ledger: Ledger, _ process: SimulatedProcess) {
        self.coordinator = coordinator
        self.ledger = ledger
        self.process = process
    }

    func commit<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: LedgerWriter.Priority, bytes: Int
    ) async throws -> Verb.Outcome {
        coordinator.witness?("\(Verb.self)") { ledger, done in
            // Unsafe by hand: a stepped ledger answers on this thread.
            nonisolated(unsafe) let done = done
            ledger.writer.submit(verb, priority) { result in
                if case .success = result { done(true) } else { done(false) }
            }
        }
        return try await process.wait { resume in
            // Unsafe by hand: the completion is called in `step`, on this thread.
            nonisolated(unsafe) let resume = resume
            ledger.writer.submit(verb, priority, bytes: bytes) { result in
                coordinator.deliver { resume(result) }
            }
            coordinator.commitSoon()
        }
    }

    func submit(
        _ command: LedgerCommand, now: WallTime,
        completion: @escaping @Sendable (_ outcome: @escaping @Sendable () throws -> LedgerOutcome) -> Void
    ) {
        let translator = coordinator.translator
        coordinator.witness?("\(command)".prefix { $0 != "(" }.description) { ledger, done in
            // Unsafe by hand: as above.
            nonisolated(unsafe) let done = done
            translator.submit(command, to: ledger, now: now) { outcome in
                // Whether it was done is all the witness asks; an error is "no".
                done((try? outcome()) != nil)
            }
        }
        guard process.isAlive else { return }
        translator.submit(command, to: ledger, now: now) { outcome in coordinator.deliver { completion(outcome) } }
        coordinator.commitSoon()
    }

    func withBlobs<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (BlobStore) throws -> Value
    ) async throws -> Value {
        guard process.isAlive else { throw CancellationError() }
        if Self.changes.contains(name) {
            coordinator.witness?(name) { ledger, done in
                // The witness wants to know only whether the blob is whole then; an error is "no".
                let value = try? body(ledger.blobs)
                if let status = value as? BlobStore.Status, case .complete = status {
                    done(true)
                } else {
                    done(value is Int)
                }
            }
        }
        if name == "commitBlob" { coordinator.failSoon() }
        return try body(ledger.blobs)
    }

    /// What changes the store.
    private static let changes: Set<String> = ["beginBlob", "putChunk", "commitBlob"]

    func compute<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value { try body() }
}

extension SimulatedCoordinator {
    /// Where power and disks are the trouble, syncs fail also between a blob's name and its folder: by chance
    /// alone they are those of the log.
    func failSoon() {
        guard plan.lane == .power, !isHealed, plan.has(.coordinatorDisk), random.chance(0.1) else { return }
        world.fault("blob-sync-error")
        csd_fail(disk.disk, Int32(CSD_SYNC), Int64(random.integer(below: 3)), 1)
    }
}
