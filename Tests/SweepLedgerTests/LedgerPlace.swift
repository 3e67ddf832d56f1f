import Foundation
import GRDB
import Ports
import SweepLedger
import Testing

/// A folder that is removed with the test.
final class LedgerPlace {
    let folder = NSTemporaryDirectory() + "migration-\(SystemRandom().hexadecimal(bytes: 8))"
    var path: String { folder + "/ledger.db" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// A ledger's readers may still be on their way out, and take their own files away meanwhile.
    deinit {
        var fault: (any Error)?
        for _ in 0..<100 {
            do { return try FileManager.default.removeItem(atPath: folder) } catch { fault = error }
            usleep(50_000)
        }
        Issue.record("\(folder) stays: \(String(describing: fault))")
    }

    /// Puts an old ledger there: `Fixtures/NAME.sql`, then a change of it.
    func fill(_ name: String, _ change: String = "") throws {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures/\(name).sql")
        let queue = try DatabaseQueue(path: path)
        // The text brings its own transaction.
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: try String(contentsOf: fixture, encoding: .utf8) + change)
            try db.execute(sql: "PRAGMA foreign_keys = ON")
        }
        try queue.close()
    }

    func ask(_ sql: String, _ path: String? = nil) throws -> [String] {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(60)
        let queue = try DatabaseQueue(path: path ?? self.path, configuration: configuration)
        return try queue.read { db in try String.fetchAll(db, sql: sql) }
    }

    /// Rows as lines, sorted.
    func lines(_ sql: String) throws -> [String] {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(60)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        return try queue.read { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.databaseValues.map { "\($0.storage)" }.joined(separator: "|")
            }
        }.sorted()
    }

    /// Tables, indices, triggers and views, as far as their text goes.
    func shape() throws -> [String] {
        try ask("SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1").map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ").replacing("IF NOT EXISTS ", with: "")
        }
    }

    func open() throws -> Ledger { try Ledger(folder: folder) { Issue.record("the ledger died: \($0)") } }
}
