import CSQLiteExtras
import GRDB

/// The rows of a query, read where SQLite has them: of a large ledger hundreds of thousands are read at once,
/// and a row of GRDB's takes several times as long.
struct StatementRows {
    private let statement: UnsafeMutableRawPointer
    private let db: Database

    init(_ sql: String, _ arguments: StatementArguments = StatementArguments(), _ db: Database) throws {
        let prepared = try db.cachedStatement(sql: sql)
        try prepared.setArguments(arguments)
        statement = UnsafeMutableRawPointer(prepared.sqliteStatement)
        self.db = db
    }

    /// - Returns: false at the end.
    /// - Throws: `DatabaseError`.
    func next() throws -> Bool {
        var isRow: Int32 = 0
        let code = cse_step(statement, &isRow)
        guard code == 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
        return isRow != 0
    }

    /// For who leaves before the end.
    func end() { _ = cse_reset(statement) }

    func integer(_ column: Int32) -> Int64 { cse_column_integer(statement, column) }

    /// NaN for nothing.
    func number(_ column: Int32) -> Double { cse_column_number(statement, column) }

    /// Valid until the next row; nil for nothing.
    func text(_ column: Int32) -> UnsafeRawBufferPointer? {
        var count: Int32 = 0
        guard let start = cse_column_text(statement, column, &count) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: Int(count))
    }
}
