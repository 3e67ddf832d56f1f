import GRDB
import RunSpec

/// What is said of a name that no sweep has.
enum SweepNames {
    /// Names that are compared with it, the newest.
    private static let compared = 2000

    /// `no sweep 'mnie'; did you mean 'mine'?`
    ///
    /// - Parameter more: stands after the name, before the hint.
    /// - Throws: `DatabaseError`.
    static func unknown(_ name: String, more: String = "", _ db: Database) throws -> LedgerError {
        let shown = name.prefix(100)
        let known = try db.all("SELECT name FROM sweep ORDER BY id DESC LIMIT ?", [compared]).map { $0[0] as String }
        let hint = nearest(to: String(shown), among: known).map { "did you mean '\($0)'?" }
        return LedgerError(.notFound, "no sweep '\(shown)'\(more); \(hint ?? "`radiata status` lists them")")
    }
}

extension Ledger {
    /// - Throws: `DatabaseError`.
    package func unknownSweep(_ name: String) async throws -> LedgerError {
        try await read { db in try SweepNames.unknown(name, db) }
    }
}
