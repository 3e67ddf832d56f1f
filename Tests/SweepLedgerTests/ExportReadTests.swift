import Foundation
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// Export's own way to the newest values, against the view that says the same.
@Suite("Reading a sweep's results page by page")
struct ExportReadTests {
    @Test("latest values are those of the view, for ledgers of every schema", arguments: 1...5)
    func latest(schema: Int) async throws {
        let place = try LedgerPlace()
        try place.fill("schema-\(schema)")
        let ledger = try place.open()
        defer { ledger.close() }
        let head = try await ledger.exportHead(sweep: "one")
        #expect(head.keys == ["loss", "val_loss"] && head.parameters == ["lr"])
        let (rows, next) = try await ledger.exportPage(sweep: head.sweep, after: 0, jobs: 100)
        #expect(next == nil && Set(rows.map(\.job)).count == 5)
        for row in rows {
            let view = try ReadOnlyQuery(path: ledger.path).run(
                "SELECT key, value FROM latest_metrics WHERE job = '\(row.job)'")
            var expected: [String: Double] = [:]
            for line in view.rows {
                guard case .text(let key) = line[0] else { continue }
                if case .real(let value) = line[1] { expected[key] = value } else { expected[key] = .nan }
            }
            #expect(row.latest == expected)
        }
        #expect(rows.contains { !$0.latest.isEmpty && $0.result != nil } && rows.contains { $0.latest.isEmpty })
    }

    @Test("pages together are the whole, in order, whatever their size", arguments: [1, 2, 5])
    func pages(size: Int) async throws {
        let place = try LedgerPlace()
        try place.fill("schema-5")
        let ledger = try place.open()
        defer { ledger.close() }
        let sweep = try await ledger.exportHead(sweep: "one").sweep
        let whole = try await ledger.exportPage(sweep: sweep, after: 0, jobs: 100).rows
        var pieces: [ExportRow] = []
        var after: Int64? = 0
        while let place = after {
            let page = try await ledger.exportPage(sweep: sweep, after: place, jobs: size)
            pieces += page.rows
            after = page.next
        }
        #expect(pieces.map(\.job) == whole.map(\.job) && pieces.map(\.result?.metric) == whole.map(\.result?.metric))
        await #expect(throws: LedgerError.self) { try await ledger.exportHead(sweep: "three") }
    }
}
