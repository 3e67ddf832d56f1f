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
        let report = SweepReport(
            results: results, sheets: try await sheets(of: results), queries: PublicQueries.examples(sweep: sweep),
            facts: [("coordinator", client.configuration.coordinator)])
        try OutputFile.write(Data(report.html().utf8), to: path)
    }

    /// The contact sheets of the best configurations, one a job and checkpoint.
    private func sheets(of results: SweepResultSet) async throws -> [SweepReport.Sheet] {
        let shown = results.summary(checkpoints: .all).rows.prefix(Self.shownConfigurations * 2)
        let wanted = Set(shown.flatMap(\.jobs))
        let known = try await client.rows(of: PublicQueries.contactSheets(ofSweep: sweep))
        var sheets: [SweepReport.Sheet] = []
        for sheet in known where wanted.contains(sheet.job) {
            let bytes = try await client.call(
                .getBlob, BlobRange(sha256: sheet.sha256, offset: 0), timeLimit: nil)
            let digits = sheet.checkpoint.split(separator: "-").last.flatMap { Int($0) }
            sheets.append(
                SweepReport.Sheet(
                    job: sheet.job, checkpoint: sheet.checkpoint, step: digits ?? 0, png: Array(bytes.bytes)))
        }
        return sheets
    }
}
