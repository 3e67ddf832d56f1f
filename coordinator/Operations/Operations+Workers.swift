import CoordinatorCore
import Ports
import RunSpec
import SweepLedger
import SweepModel
package import SweepWire

/// What people are told of workers, and of why jobs wait.
extension Operations {
    package func workers() async throws -> [WorkerSummary] {
        let silences = engine.silences
        let now = wall.milliseconds
        let quiet = Int64(lease.inSeconds * 2000)
        return try await ledger.workers().map { row in
            // What this process has not heard yet the one before it may have.
            let lastSeen = silences[WorkerID(row.id)].map { now - $0.milliseconds } ?? row.lastSeen
            let standing = Self.standing(row, isSilent: now - lastSeen > quiet, lastSeen: lastSeen)
            return WorkerSummary(
                id: row.id, name: row.name, state: standing.state, slots: row.slots, busy: row.jobs.count,
                labels: row.labels, gpus: row.gpus, lastSeen: lastSeen, jobs: row.jobs, reason: standing.reason,
                since: standing.since, remedy: standing.remedy, memory: row.memory, coreVersions: row.coreVersions)
        }
    }

    private static func standing(
        _ row: WorkerRow, isSilent: Bool, lastSeen: Int64
    ) -> (state: String, reason: String?, since: Int64?, remedy: String?) {
        let id = row.id.prefix(WorkerLookup.shortestPrefix)
        let back = "`radiata drain \(id) --undo`"
        if let goodbye = row.saidGoodbye {
            return (
                "stopped", "it was stopped politely", goodbye,
                "start it again, or `radiata workers forget \(id)`"
            )
        }
        if isSilent {
            let more = row.suspension.map { "; before that it was suspended: \($0.reason)" } ?? ""
            return (
                "silent", "it has not been heard from\(more)", lastSeen,
                "look at its machine and start it again, or `radiata workers forget \(id)`"
            )
        }
        if row.state == "draining" { return ("draining", "a user drained it", row.drainedAt, back) }
        if let suspension = row.suspension {
            return ("suspended", suspension.reason, suspension.since, back)
        }
        return ("connected", nil, nil, nil)
    }

    static func waitsFor(_ job: JobRow, _ board: WaitBoard) -> String? {
        guard let wait = job.wait, let state = JobState(rawValue: job.state) else { return nil }
        return board.reason(
            WaitingJob(
                row: wait.row, state: state, needs: wait.requirements,
                failure: job.failure.flatMap(FailureClass.init(rawValue:)), avoid: wait.avoid.map { WorkerID($0) },
                heldBy: wait.heldBy, holdReason: wait.holdReason, name: String(job.id.prefix(8))))
    }
}
