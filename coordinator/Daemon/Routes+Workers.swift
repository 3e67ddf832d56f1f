import CoordinatorCore
import Ports
import SweepLedger
import SweepModel

/// What people are told of workers, and of why jobs wait.
extension Routes {
    func workers() async throws -> [WorkerSummary] {
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
    static func summary(_ listed: ListedJob, _ board: WaitBoard) -> JobSummary {
        var job = listed.job
        job.waitsFor = listed.wait.flatMap(board.reason)
        return job
    }
}
