import Foundation
import GRDB
import Ports
import SweepLedger
import Testing

@Suite("Settings of the writer's connection")
struct WriterSettingTests {
    @Test(
        "a writer does not start on a connection that was made less careful after it was opened",
        arguments: [
            ("synchronous = NORMAL", "synchronous is 1, wanted 2"),
            ("wal_autocheckpoint = 1000", "wal_autocheckpoint is 1000, wanted 0"),
            ("foreign_keys = OFF", "foreign_keys is 0, wanted 1"),
            ("temp_store = DEFAULT", "temp_store is 0, wanted 2"),
            ("cell_size_check = OFF", "cell_size_check is 0, wanted 1"),
            ("journal_mode = DELETE", "journal_mode is delete, wanted wal"),
        ])
    func lowered(setting: String, message: String) throws {
        let place = try LedgerPlace()
        try place.open().close()
        let queue = try Ledger.openWriter(place.path)
        try set(setting, queue)
        let error = #expect(throws: LedgerError.self) {
            try LedgerWriter(
                queue: queue, path: place.path, files: DiskFiles(), isStepped: true, checkpointBytes: 1 << 20,
                onFatal: { _ in })
        }
        #expect(error?.code == .notDurable)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    /// The journal's mode is changed by who is alone with the file, and readers of the closed ledger may be
    /// on their way out still. SQLite does not wait for them in that statement.
    private func set(_ setting: String, _ queue: DatabaseQueue) throws {
        for _ in 0..<1000 {
            do {
                return try queue.inDatabase { try $0.execute(sql: "PRAGMA \(setting)") }
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                usleep(20_000)
            }
        }
        Issue.record("the file stays in use: PRAGMA \(setting)")
    }
}
