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
    /// Most bytes SQLite has held at once in this process, all connections together.
    package static var memoryHighWater: Int64 { cse_memory_highwater() }

    /// What may be read: the public tables and views (docs/ledger.md). Tokens, keys, stored answers and bundles are not
    /// among them, nor what SQLite itself offers beside `sqlite_schema` and the JSON tables.
    private static let allowed = [
        "ledger", "sweep", "configuration", "job", "member", "sweep_count", "attempt", "metric_key", "metric",
        "metric_bits",
        "checkpoint", "checkpoint_file", "evaluation", "evaluated", "artifact", "log_text", "blob", "input",
        "input_file",
        "worker", "event", "quarantine", "span", "visible_checkpoint", "jobs", "members", "metrics", "latest_metrics",
        "checkpoints",
        "results",
        "artifacts", "sqlite_master", "sqlite_schema", "json_each", "json_tree",
    ]
    /// Columns of those that hold what a sweep file may have kept secret (environments), or what lets one in.
    private static let hidden = ["job.spec", "worker.session", "attempt.session"]

    package var path: String
    /// Whether the table `audit` may be read.
    package var mayReadAudit = false
    /// Most memory that SQLite may take for it.
    package var memory: Int64 = 256 << 20
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
        let allowed = CStrings(Self.allowed + (mayReadAudit ? ["audit"] : []))
        let hidden = CStrings(Self.hidden)
        let opened = allowed.withPointers { allowed in
            hidden.withPointers { cse_query_open(path, allowed, $0, memory, &query) }
        }
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

/// Texts as a NULL-terminated array of C strings.
private struct CStrings {
    private let texts: [ContiguousArray<CChar>]
    init(_ texts: [String]) { self.texts = texts.map(\.utf8CString) }

    func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
        let bytes = texts.flatMap { $0 }
        return bytes.withUnsafeBufferPointer { buffer in
            var place = 0
            var pointers: [UnsafePointer<CChar>?] = []
            for text in texts {
                pointers.append(buffer.baseAddress.map { $0 + place })
                place += text.count
            }
            pointers.append(nil)
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}
