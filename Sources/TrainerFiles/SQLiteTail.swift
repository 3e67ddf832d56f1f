import CSQLite
import Ports
import RunSpec

/// Reads a table of numbers in a SQLite file that a trainer writes, read-only, WAL included. The position is
/// the largest `rowid` taken.
///
/// Two layouts: a row a number (columns for the step, `key` or `name`, `value_real` or `value`; ai-toolkit's
/// `loss_log.db`), or a row a step with a column a metric. A trainer that goes on may delete rows above its
/// step and use their numbers again: then all rows are read again, which changes nothing for points that are
/// there.
package struct SQLiteTail: GrowingFile {
    package let path: String
    package private(set) var position: UInt64
    private let table: String
    private let stepName: String
    private var isGivenUp = false
    /// What the files looked like when all of them was read.
    private var looked: [FileInformation?] = []
    /// The first columns of the row at `position`: step, key and value.
    private var newest: [String] = []

    private static let wait: Int32 = 200
    /// Steps of SQLite's machine after which a look is given up.
    private static let mostWork: Int32 = 200_000_000

    package init(path: String, table: String? = nil, stepName: String = "step", position: UInt64 = 0) {
        self.path = path
        self.table = table ?? "metrics"
        self.stepName = stepName
        self.position = position
    }

    private struct Failure: Error {
        let code: Int32
        let message: String
    }

    /// How a row is laid out.
    private struct Layout {
        /// Columns of the query after `rowid`: the step, then the key and the value, or metrics.
        let columns: [String]
        let isLong: Bool
        let hasText: Bool
    }

    package mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        let now = [try DiskFiles().information(path), try DiskFiles().information(path + "-wal")]
        guard !isGivenUp, let own = now[0], own.isRegular, own.size > 0, isComplete || now != looked else {
            return reading
        }
        do {
            try read(&reading)
            if !reading.isProgress { looked = now }
        } catch let failure as Failure {
            // Somebody is writing, or it is only being made: another time.
            let passing = [SQLITE_BUSY, SQLITE_LOCKED, SQLITE_CANTOPEN, SQLITE_PROTOCOL, SQLITE_SCHEMA].contains(
                failure.code)
            if !passing || isComplete {
                isGivenUp = true
                reading.faults.append(
                    FileFault(
                        .file, "\(path) cannot be read as a SQLite file with a table '\(table)': \(failure.message)"))
            }
        }
        return reading
    }

    private mutating func read(_ reading: inout FileReading) throws {
        var database: OpaquePointer?
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
        let code = LocalPath.terminated(path).withUnsafeBufferPointer {
            sqlite3_open_v2($0.baseAddress, &database, flags, nil)
        }
        defer { sqlite3_close_v2(database) }
        guard code == SQLITE_OK, let database else { throw Failure(code: code, message: "it cannot be opened") }
        sqlite3_busy_timeout(database, Self.wait)
        sqlite3_progress_handler(database, Self.mostWork, { _ in 1 }, nil)
        guard let layout = try layout(database) else { return }
        try checkNewest(database, layout)
        let columns = (["rowid"] + layout.columns.map(SQLiteName.quoted)).joined(separator: ", ")
        let sql =
            "SELECT \(columns) FROM \(SQLiteName.quoted(table)) WHERE rowid > ?1 ORDER BY rowid LIMIT \(FileReading.mostPoints)"
        var faults = RowFaults()
        try Self.each(database, sql, bound: position) { row in
            let number = UInt64(max(0, sqlite3_column_int64(row, 0)))
            // In order, but for a damaged file.
            guard number > position else { return }
            position = number
            newest = Self.mark(row)
            reading.isProgress = true
            take(row, layout, &reading, &faults)
        }
        reading.faults += faults.all
    }

    /// - Returns: nil while the table is not there.
    private func layout(_ database: OpaquePointer) throws -> Layout? {
        var columns: [String] = []
        do {
            let statement = try Self.prepare(database, "SELECT * FROM \(SQLiteName.quoted(table)) LIMIT 0")
            defer { sqlite3_finalize(statement) }
            for index in 0..<sqlite3_column_count(statement) {
                columns.append(sqlite3_column_name(statement, index).map { String(cString: $0) } ?? "")
            }
        } catch let failure as Failure where failure.message.hasPrefix("no such table") {
            throw Failure(code: SQLITE_SCHEMA, message: failure.message)
        }
        guard columns.contains(stepName) else {
            throw Failure(
                code: SQLITE_ERROR,
                message:
                    "no column '\(stepName)'; name the step's column in the rule, as in {sqlite: …, step: global_step}; "
                    + "columns: \(columns.joined(separator: ", "))")
        }
        let key = ["key", "name", "metric"].first(where: columns.contains)
        let value = ["value_real", "value"].first(where: columns.contains)
        guard let key, let value else {
            return Layout(columns: [stepName] + columns.filter { $0 != stepName }, isLong: false, hasText: false)
        }
        let text = columns.contains("value_text") ? ["value_text"] : []
        return Layout(columns: [stepName, key, value] + text, isLong: true, hasText: !text.isEmpty)
    }

    /// Rows that are numbered anew are read anew.
    private mutating func checkNewest(_ database: OpaquePointer, _ layout: Layout) throws {
        guard position > 0 else { return }
        var isThere = false
        let columns = layout.columns.prefix(3).map(SQLiteName.quoted).joined(separator: ", ")
        let sql = "SELECT rowid, \(columns) FROM \(SQLiteName.quoted(table)) WHERE rowid = ?1"
        try Self.each(database, sql, bound: position) { row in
            isThere = newest.isEmpty || newest == Self.mark(row)
        }
        if !isThere {
            position = 0
            newest = []
        }
    }

    private func take(_ row: OpaquePointer, _ layout: Layout, _ reading: inout FileReading, _ faults: inout RowFaults) {
        guard let step = NumberText.step(Self.number(row, 1)) else {
            return faults.step("a row of \(path) has no whole number from 0 as '\(stepName)'; it is left out")
        }
        if layout.isLong {
            let name = Self.text(row, 2)
            let isNothing = sqlite3_column_type(row, 3) == SQLITE_NULL
            let hasText = layout.hasText && sqlite3_column_type(row, 4) != SQLITE_NULL
            // SQLite has no NaN: it keeps nothing in its place.
            if isNothing, !hasText {
                reading.points.append(RawPoint(name: name, step: step, value: .nan))
            } else if let value = Self.number(row, 3) {
                reading.points.append(RawPoint(name: name, step: step, value: value))
            } else {
                faults.value("'\(name.prefix(80))' in \(path) is text at step \(step); only numbers are kept")
            }
            return
        }
        for (index, name) in layout.columns.enumerated().dropFirst() {
            let column = Int32(index + 1)
            guard sqlite3_column_type(row, column) != SQLITE_NULL else { continue }
            if let value = Self.number(row, column) {
                reading.points.append(RawPoint(name: name, step: step, value: value))
            } else {
                faults.value("'\(name.prefix(80))' in \(path) is no number at step \(step); only numbers are kept")
            }
        }
    }

    // MARK: SQLite

    private static func prepare(_ database: OpaquePointer, _ sql: String) throws -> OpaquePointer {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(database, sql, -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(database, code) }
        return statement
    }

    private static func each(
        _ database: OpaquePointer, _ sql: String, bound: UInt64, _ body: (OpaquePointer) -> Void
    ) throws {
        let statement = try prepare(database, sql)
        defer { sqlite3_finalize(statement) }
        sqlite3_bind_int64(statement, 1, Int64(clamping: bound))
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(database, code) }
            body(statement)
        }
    }

    private static func failure(_ database: OpaquePointer, _ code: Int32) -> Failure {
        Failure(code: code & 0xFF, message: sqlite3_errmsg(database).map { String(cString: $0) } ?? "error \(code)")
    }

    private static func number(_ row: OpaquePointer, _ column: Int32) -> Double? {
        switch sqlite3_column_type(row, column) {
        case SQLITE_INTEGER, SQLITE_FLOAT: sqlite3_column_double(row, column)
        case SQLITE_TEXT: NumberText.value(text(row, column))
        default: nil
        }
    }

    private static func mark(_ row: OpaquePointer) -> [String] {
        (1...3).map { column in
            sqlite3_column_type(row, column) == SQLITE_FLOAT
                ? String(sqlite3_column_double(row, column).bitPattern) : text(row, column)
        }
    }

    private static func text(_ row: OpaquePointer, _ column: Int32) -> String {
        sqlite3_column_text(row, column).map { String(cString: $0) } ?? ""
    }
}

/// A name inside a statement.
enum SQLiteName {
    static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
}
