import CSQLiteExtras

/// One value of a user's query.
package enum QueryCell: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

package struct QueryTable: Equatable, Sendable {
    package var columns: [String]
    package var rows: [[QueryCell]]
    /// Whether a limit cut the rows.
    package var isTruncated: Bool
}

/// A user's SQL, on a plain read-only connection of its own with an authorizer, limits and a deadline (GRDB keeps the
/// authorizer for itself). Blocks; call it off the cooperative threads.
package struct ReadOnlyQuery {
    /// Tables that nobody may read by SQL: secrets, and answers that are nobody's business.
    private static let hidden = ["token", "request_key", "exchange", "sqlite_stat1", "sqlite_stat4"]

    package var path: String
    package var mostRows: Int
    package var mostBytes: Int
    package var milliseconds: Int64

    package init(path: String, mostRows: Int = 100_000, mostBytes: Int = 64 << 20, milliseconds: Int64 = 10_000) {
        self.path = path
        self.mostRows = mostRows
        self.mostBytes = mostBytes
        self.milliseconds = milliseconds
    }

    /// - Throws: `LedgerError` with code `query` and SQLite's message.
    package func run(_ sql: String) throws -> QueryTable {
        var query: OpaquePointer?
        var names: [UnsafePointer<CChar>?] = []
        let copies = Self.hidden.map { strdupOrNil($0) }
        defer { for copy in copies { copy?.deallocate() } }
        names = copies.map { UnsafePointer($0) } + [nil]
        let opened = names.withUnsafeBufferPointer { cse_query_open(path, $0.baseAddress, &query) }
        defer { cse_query_close(query) }
        guard let query else { throw LedgerError(.query, "no memory for a query") }
        guard opened == 0 else { throw failure(query) }
        let prepared = sql.withCString { cse_query_prepare(query, $0, Int32(sql.utf8.count)) }
        guard prepared == 0 else { throw failure(query) }
        let columns = cse_query_columns(query)
        var table = QueryTable(
            columns: (0..<columns).map { String(cString: cse_query_name(query, $0)) }, rows: [], isTruncated: false)
        var bytes = 0
        let clock = SuspendingClock()
        let deadline = clock.now.advanced(by: .milliseconds(milliseconds))
        while true {
            let left = clock.now.duration(to: deadline)
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            switch Int(cse_query_step(query, max(0, milliseconds))) {
            case CSE_DONE: return table
            case CSE_ROW:
                guard table.rows.count < mostRows, bytes < mostBytes else {
                    table.isTruncated = true
                    return table
                }
                table.rows.append((0..<columns).map { cell(query, $0, &bytes) })
            default: throw failure(query)
            }
        }
    }

    private func cell(_ query: OpaquePointer, _ column: Int32, _ bytes: inout Int) -> QueryCell {
        bytes += 8
        switch Int(cse_query_type(query, column)) {
        case CSE_INTEGER: return .integer(cse_query_integer(query, column))
        case CSE_REAL: return .real(cse_query_real(query, column))
        case CSE_TEXT: return .text(String(decoding: content(query, column, &bytes), as: UTF8.self))
        case CSE_BLOB: return .blob(content(query, column, &bytes))
        default: return .null
        }
    }

    private func content(_ query: OpaquePointer, _ column: Int32, _ bytes: inout Int) -> [UInt8] {
        var count: Int32 = 0
        guard let start = cse_query_bytes(query, column, &count) else { return [] }
        bytes += Int(count)
        return Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    private func failure(_ query: OpaquePointer) -> LedgerError {
        LedgerError(.query, String(cString: cse_query_message(query)))
    }
}

/// A copy of a text with its final NUL, to be deallocated by the caller.
private func strdupOrNil(_ text: String) -> UnsafeMutablePointer<CChar>? {
    let bytes = text.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { copy[index] = byte }
    return copy
}
