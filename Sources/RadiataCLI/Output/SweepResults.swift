import Foundation
import RunSpec
import SweepAnalysis
import SweepClient

/// Fetches a sweep's jobs and results and hands them to the analysis as plain values.
struct SweepResults {
    let client: SweepClient
    let sweep: String

    func fetch() async throws -> SweepResultSet {
        let jobs = try await JobPages(client: client, sweep: sweep, state: nil).all()
        guard !jobs.isEmpty else { throw CommandFailure(.notFound, "there is no sweep '\(sweep)', or it has no jobs") }
        return SweepResultSet(
            sweep: sweep, jobs: jobs, results: try await client.rows(of: PublicQueries.results(ofSweep: sweep)))
    }

    /// One row a configuration and checkpoint, best first, with the base model's floor and the data's ceiling
    /// below.
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
