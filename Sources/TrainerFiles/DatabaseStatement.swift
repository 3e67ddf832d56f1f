import CSQLite
import Ports
import RunSpec

/// Statements of a trainer's profile in a SQLite file, through which people speak with a program that polls
/// it.
package enum DatabaseStatement {
    /// How long somebody else's transaction is waited for.
    private static let wait: Int32 = 5_000

    /// Runs the statements; the file is made if it is not there.
    ///
    /// - Throws: `PortsError` with what SQLite says.
    package static func run(_ statements: String, in path: String) throws {
        var database: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let opened = LocalPath.terminated(path).withUnsafeBufferPointer {
            sqlite3_open_v2($0.baseAddress, &database, flags, nil)
        }
        defer { sqlite3_close_v2(database) }
        guard opened == SQLITE_OK, let database else {
            throw PortsError(.malformed, "\(path): the database of stop.sqlite cannot be opened")
        }
        sqlite3_busy_timeout(database, wait)
        guard sqlite3_exec(database, statements, nil, nil, nil) == SQLITE_OK else {
            let why = sqlite3_errmsg(database).map { String(cString: $0) } ?? "no reason given"
            throw PortsError(.malformed, "\(path): stop.sqlite: \(why) in: \(statements.prefix(120))")
        }
    }
}
