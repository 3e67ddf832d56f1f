import Foundation
import GRDB
import Ports
import SweepLedger
import SweepModel
import Testing

/// A ledger of every schema that ever was opens, and holds afterwards what it held:
/// `Fixtures/make_schemas.py`.
@Suite("Ledgers of every earlier schema")
struct EarlierSchemasTests {
    private static let views = [
        "jobs", "members", "results", "metrics", "latest_metrics", "checkpoints", "artifacts",
    ]
    /// Columns that left their table, and where they are now.
    private static let moved: [String: (column: String, query: String)] = [
        "job": ("spec", "SELECT j.*, s.spec AS spec FROM job j JOIN job_spec s ON s.job = j.id"),
        "sweep_file": (
            "bundle", "SELECT f.*, b.bundle AS bundle FROM sweep_file f JOIN sweep_bundle b USING (sweep, digest)"
        ),
        "attempt": (
            "session", "SELECT a.*, s.session AS session FROM attempt a JOIN attempt_session s ON s.attempt = a.id"
        ),
        "worker": (
            "session", "SELECT w.*, s.session AS session FROM worker w JOIN worker_session s ON s.worker = w.id"
        ),
        "token": ("hash", "SELECT t.*, h.hash AS hash FROM token t JOIN token_hash h ON h.token = t.id"),
    ]

    @Test(
        "every row is there afterwards, and every view answers what it answered",
        arguments: [1, 2, 3, 4, 5, 8, 10, 11, 12, 13, 14])
    func rowsAndViews(schema: Int) async throws {
        let place = try LedgerPlace()
        try place.fill("schema-\(schema)")
        let tables = try place.ask(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        #expect(tables.count >= 26)
        var columns: [String: [String]] = [:]
        var before: [String: [String]] = [:]
        for table in tables {
            columns[table] = try place.ask("SELECT name FROM pragma_table_info('\(table)')")
            before[table] = try place.lines("SELECT \(try list(columns[table])) FROM \(table)")
            #expect(before[table]?.isEmpty == false, "\(table) has no rows in the fixture")
        }
        for view in Self.views {
            columns[view] = try place.ask("SELECT name FROM pragma_table_info('\(view)')")
            before[view] = try place.lines("SELECT \(try list(columns[view])) FROM \(view)")
            #expect(before[view]?.isEmpty == false, "\(view)")
        }

        let ledger = try place.open()
        #expect(try await ledger.check().findings.filter { !$0.contains("its file is gone") } == [])
        for table in tables {
            let moved = Self.moved[table].flatMap { columns[table]?.contains($0.column) == true ? $0 : nil }
            let source = moved.map { "(\($0.query))" } ?? table
            let after = try place.lines("SELECT \(try list(columns[table])) FROM \(source)")
            #expect(after == before[table], "\(table)")
            if let moved {
                let left = try place.ask("SELECT name FROM pragma_table_info('\(table)')")
                #expect(!left.contains(moved.column), "\(table)")
            }
        }
        // A view may have more columns than it had, and must have those.
        for view in Self.views {
            #expect(
                try place.lines("SELECT \(try list(columns[view])) FROM \(view)") == before[view], "\(view)")
        }

        // The program reads what has moved, too.
        let snapshot = try await ledger.snapshot(at: WallTime(milliseconds: 0))
        let open = try #require(snapshot.open.first)
        #expect(open.session.rawValue == String(repeating: "0", count: 31) + "4")
        #expect(snapshot.workers.count == 2 && snapshot.workers.allSatisfy { $0.record.session.rawValue.count == 32 })
        #expect(try await ledger.tokens().map(\.hash).allSatisfy { $0.count == 64 })
        let shape = try place.shape()
        ledger.close()
        let fresh = try LedgerPlace()
        try fresh.open().close()
        #expect(shape == (try fresh.shape()))
    }

    private func list(_ columns: [String]?) throws -> String {
        try #require(columns).map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
