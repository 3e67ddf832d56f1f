import CoordinatorCore
import Ports
import SweepLedger
package import SweepModel

/// What people are told of workers.
extension Operations {
    package func workers() async throws -> [WorkerSummary] {
        let silences = engine.silences
        let now = wall.milliseconds
        let quiet = Int64(lease.inSeconds * 2000)
        return try await ledger.workers().map { listed in
            // What this process has not heard yet the one before it may have.
            let lastSeen =
                silences[WorkerID(listed.worker.id)].map { now - $0.milliseconds } ?? listed.worker.lastSeen
            return listed.summary(lastSeen: lastSeen, isSilent: now - lastSeen > quiet)
        }
    }
}
