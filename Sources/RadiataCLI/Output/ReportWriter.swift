import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepWire

/// Makes the self-contained HTML report of a sweep.
struct ReportWriter {
    let client: SweepClient
    let sweep: String

    /// How many configurations are shown with pictures.
    private static let shownConfigurations = 12

    func write(to path: String) async throws {
        let results = try await SweepResults(client: client, sweep: sweep).fetch()
        let queries = zip(ExampleQueries.titles, ExampleQueries.all(sweep: sweep)).map {
            SweepReport.Query(title: $0, sql: $1)
        }
        let report = SweepReport(
            results: results, sheets: try await sheets(of: results), queries: queries,
            facts: [("coordinator", client.configuration.coordinator)])
        try OutputFile.write(Data(report.html().utf8), to: path)
    }

    /// The contact sheets of the best configurations, one a job and checkpoint.
    private func sheets(of results: SweepResultSet) async throws -> [SweepReport.Sheet] {
        let shown = results.summary(checkpoints: .all).rows.prefix(Self.shownConfigurations * 2)
        let wanted = Set(shown.flatMap(\.jobs))
        let name = sweep.replacing("'", with: "''")
        let answer = try await client.call(
            .query,
            QueryRequest(
                sql: """
                    SELECT a.job, a.checkpoint, a.sha256 FROM artifacts a WHERE a.kind = 'contact-sheet' \
                    AND a.job IN (SELECT job FROM members WHERE sweep = '\(name)')
                    """))
        var sheets: [SweepReport.Sheet] = []
        for row in answer.rows where row.count == 3 && wanted.contains(row[0].string) {
            let bytes = try await client.call(
                .getBlob, BlobRange(sha256: row[2].string, offset: 0), timeLimit: nil)
            let digits = row[1].string.split(separator: "-").last.flatMap { Int($0) }
            sheets.append(
                SweepReport.Sheet(
                    job: row[0].string, checkpoint: row[1].string, step: digits ?? 0, png: Array(bytes.bytes)))
        }
        return sheets
    }
}
