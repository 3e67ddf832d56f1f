import Foundation
import SweepLedger
import SweepWire

extension Routes {
    static func summary(_ row: SweepRow) -> SweepSummary {
        SweepSummary(
            name: row.name, created: row.created, priority: row.priority, configurations: row.configurations,
            states: row.states, checkpoints: row.checkpoints)
    }

    static func summary(_ row: JobRow) -> JobSummary {
        JobSummary(
            id: row.id, sweep: row.sweep, group: row.group, configuration: String(row.configuration), state: row.state,
            seed: row.seed, attempts: row.attempts, worker: row.worker, failure: row.failure, message: row.message,
            parameters: row.parameters, created: row.created, updated: row.updated)
    }

    static func detail(_ row: JobDetailRow) -> JobDetail {
        JobDetail(
            job: summary(row.job), sweeps: row.sweeps,
            attempts: row.attempts.map {
                JobDetail.Attempt(
                    number: $0.number, worker: $0.worker, started: $0.started, ended: $0.ended, outcome: $0.outcome,
                    failure: $0.failure, message: $0.message, resumedStep: $0.resumedStep)
            },
            checkpoints: row.checkpoints.map {
                JobDetail.Checkpoint(
                    name: $0.name, attempt: $0.attempt, step: $0.step, epoch: $0.epoch,
                    files: $0.files.map { BlobFile(name: $0.name, sha256: $0.sha256, bytes: $0.bytes) })
            }, latest: row.latest,
            events: row.events.map { JobDetail.Event(at: $0.at, kind: $0.kind, attempt: $0.attempt, detail: $0.detail) }
        )
    }

    static func table(_ table: QueryTable) -> QueryResponse {
        QueryResponse(
            columns: table.columns,
            rows: table.rows.map { row in
                row.map { cell in
                    switch cell {
                    case .null: .null
                    case .integer(let value): .integer(value)
                    case .real(let value): .real(value)
                    case .text(let value): .text(value)
                    case .blob(let bytes): .blob(hex(bytes))
                    }
                }
            }, isTruncated: table.isTruncated)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
