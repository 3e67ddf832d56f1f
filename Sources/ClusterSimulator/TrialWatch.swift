import CoordinatorCore
import SweepModel
import SweepWire

/// I23, the first half: no suspended worker is given a job before its pause is over, nor two at once. That
/// it gets no second one beside the first is told from the ledger's rows (`Checker`).
final class TrialWatch {
    private let world: World
    /// When the pause of each suspended worker ends; of one that was suspended in an earlier life of the
    /// coordinator only the wall clock tells, which jumps.
    private var due: [WorkerID: Int64] = [:]
    private var asked: [CommitID: WorkerID] = [:]
    /// The core's clock is that of its newest tick.
    private static let tolerance: Int64 = 2_000_000_000

    init(_ world: World) { self.world = world }

    func started() {
        due = [:]
        asked = [:]
    }

    func asked(_ id: CommitID, _ command: LedgerCommand) {
        if case .exchange(_, let worker, _, _, _) = command { asked[id] = worker }
    }

    func lifted(_ worker: WorkerID) { due[worker] = nil }

    func committed(_ id: CommitID, _ outcome: LedgerOutcome) {
        guard let worker = asked.removeValue(forKey: id), case .exchanged(let exchange) = outcome else { return }
        // The reports of an exchange count before its claims.
        note(exchange.workers)
        guard let end = due[worker], !exchange.claims.isEmpty, !exchange.leftCandidates else { return }
        world.probe("trial job granted")
        let name = worker.text.prefix(8)
        if world.now < end - Self.tolerance {
            world.fail("I23", "worker \(name) got a trial job \((end - world.now) / 1_000_000) ms early")
        }
        if exchange.claims.count > 1 {
            world.fail("I23", "suspended worker \(name) got \(exchange.claims.count) trial jobs at once")
        }
    }

    private func note(_ changes: [WorkerChange]) {
        for change in changes {
            switch change {
            case .suspended(let worker, let seconds):
                due[worker] = world.now + Int64(seconds * 1e9)
                world.probe("worker suspended")
            case .lifted(let worker):
                due[worker] = nil
                world.probe("suspicion lifted by a success")
            }
        }
    }
}
