package import CoordinatorCore
import Foundation
package import SweepLedger
package import SweepWire

extension Operations {
    package static func summary(_ row: SweepRow) -> SweepSummary {
        var summary = SweepSummary(
            name: row.name, created: row.created, priority: row.priority, configurations: row.configurations,
            states: row.states, checkpoints: row.checkpoints, reason: row.stopReason, since: row.stoppedAt)
        if row.stopReason != nil {
            summary.state = "stopped"
            summary.remedy = "mend it and `radiata resume \(row.name)`"
        } else if row.state == "canceled" {
            summary.state = "canceled"
        } else if summary.isFinished {
            summary.state = "finished"
        } else if row.state == "paused" {
            summary.state = "paused"
            summary.remedy = "`radiata unpause \(row.name)`"
        }
        return summary
    }

    package static func summary(_ row: JobRow, _ board: WaitBoard) -> JobSummary {
        JobSummary(
            id: row.id, sweep: row.sweep, group: row.group, configuration: String(row.configuration), state: row.state,
            seed: row.seed, attempts: row.attempts, worker: row.worker, failure: row.failure, message: row.message,
            parameters: row.parameters, created: row.created, updated: row.updated, workerID: row.workerID,
            waitsFor: waitsFor(row, board))
    }

    static func detail(_ row: JobDetailRow, _ board: WaitBoard) -> JobDetail {
        JobDetail(
            job: summary(row.job, board), sweeps: row.sweeps,
            attempts: row.attempts.map {
                JobDetail.Attempt(
                    number: $0.number, worker: $0.worker, started: $0.started, ended: $0.ended, outcome: $0.outcome,
                    failure: $0.failure, message: $0.message, resumedStep: $0.resumedStep, workerID: $0.workerID)
            },
            checkpoints: row.checkpoints.map {
                JobDetail.Checkpoint(
                    name: $0.name, attempt: $0.attempt, step: $0.step, epoch: $0.epoch,
                    files: $0.files.map { BlobFile(name: $0.name, sha256: $0.sha256, bytes: $0.bytes) })
            }, latest: row.latest,
            events: row.events.map {
                JobDetail.Event(at: $0.at, kind: $0.kind, attempt: $0.attempt, detail: $0.detail)
            },
            notices: row.notices.map {
                JobDetail.Notice(attempt: $0.attempt, kind: $0.kind, count: $0.count, detail: $0.detail)
            })
    }
}
