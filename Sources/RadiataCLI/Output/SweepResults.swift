import Foundation
import RunSpec
import SweepAnalysis
import SweepClient
import SweepWire

/// Fetches a sweep's jobs and results and hands them to the analysis as plain values.
struct SweepResults {
    let client: SweepClient
    let sweep: String

    func fetch() async throws -> SweepResultSet {
        let jobs = try await JobPages(client: client, sweep: sweep, state: nil).all()
        guard !jobs.isEmpty else { throw CommandFailure(.notFound, "there is no sweep '\(sweep)', or it has no jobs") }
        let name = sweep.replacing("'", with: "''")
        let answer = try await client.call(
            .query,
            QueryRequest(
                sql: """
                    SELECT r.job, r.checkpoint, r.epoch, r.step, r.class, r.prompts, r.metric, r.value, r.n FROM results r \
                    WHERE r.value IS NOT NULL AND r.job IN (SELECT job FROM members WHERE sweep = '\(name)')
                    """), timeLimit: .seconds(120))
        if answer.isTruncated { Console.note("warning: only the first \(answer.rows.count) results are looked at") }
        return SweepResultSet(
            sweep: sweep,
            jobs: jobs.map {
                SweepJob(
                    id: $0.id, configuration: $0.configuration, group: $0.group, state: $0.state, seed: $0.seed,
                    parameters: $0.parameters)
            },
            results: answer.rows.compactMap(Self.result))
    }

    private static func result(_ row: [QueryValue]) -> SweepResult? {
        guard row.count == 9, let epoch = row[2].number, let step = row[3].number, let value = row[7].number,
            let n = row[8].number
        else { return nil }
        return SweepResult(
            job: row[0].string, checkpoint: row[1].string, epoch: Int(epoch), step: Int(step), class: row[4].string,
            prompts: row[5].string, metric: row[6].string, value: value, n: Int(n))
    }

    /// One row a configuration and checkpoint, best first, with the base model's floor and the data's ceiling below.
    func summaryTable() async throws -> TextTable {
        let summary = try await fetch().summary()
        func cell(_ value: Double?) -> TextTable.Cell { value.map { .number($0) } ?? .none }
        var table = TextTable(
            columns: ["configuration", "epoch", "seeds"] + summary.columns.map { "\($0.metric.title) (\($0.prompts))" })
        table.rows = summary.rows.map { row in
            [.text(row.label), .number(Double(row.epoch)), .number(Double(row.seeds))] + row.values.map(cell)
        }
        if summary.floor.contains(where: { $0 != nil }) {
            table.rows.append([.text("base model (floor)"), .none, .none] + summary.floor.map(cell))
        }
        if summary.ceiling.contains(where: { $0 != nil }) {
            table.rows.append([.text("the concept itself (ceiling)"), .none, .none] + summary.ceiling.map(cell))
        }
        return table
    }
}

extension QueryValue {
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    var string: String {
        if case .text(let text) = self { return text }
        return number.map(TextTable.Cell.formatted) ?? ""
    }
}
