import GRDB
import Ports

extension LedgerWriter {
    /// What SQLite must say of the writer's connection before anything is written: FULL syncs, checkpoints
    /// only where the writer wants them, foreign keys, temporary tables in memory, no mapping, damaged pages
    /// noticed.
    private static let settings = [
        ("synchronous", 2), ("wal_autocheckpoint", 0), ("foreign_keys", 1), ("temp_store", 2), ("mmap_size", 0),
        ("cell_size_check", 1),
    ]

    /// Reads the settings back, whoever made them.
    ///
    /// - Throws: `LedgerError` `notDurable`, naming the setting.
    static func checkSettings(_ db: Database, _ path: String) throws {
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? ""
        guard mode == "wal" else { throw LedgerError(.notDurable, "\(path): journal_mode is \(mode), wanted wal") }
        for (setting, wanted) in settings {
            let found = try Int.fetchOne(db, sql: "PRAGMA \(setting)") ?? 0
            guard found == wanted || Mutant.isOn("synchronous-normal") else {
                throw LedgerError(.notDurable, "\(path): \(setting) is \(found), wanted \(wanted)")
            }
        }
    }
}
