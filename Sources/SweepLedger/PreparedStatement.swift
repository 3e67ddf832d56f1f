import CSQLiteExtras
import GRDB

/// A statement of the busiest verbs, of which every job takes a few. Handing over values and taking them out
/// one by one takes a fraction of what arrays and rows of them take, which is more than SQLite's own work.
struct PreparedStatement {
    private let statement: Statement
    private let db: Database

    /// - Parameter sql: its parameters, numbered from 1, keep their values from run to run.
    /// - Throws: `DatabaseError`.
    init(_ sql: String, _ db: Database) throws {
        statement = try db.cachedStatement(sql: sql)
        self.db = db
    }

    private var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(statement.sqliteStatement) }

    func bind(_ index: Int32, _ value: Int64?) throws {
        try check(value.map { cse_bind_integer(pointer, index, $0) } ?? cse_bind_null(pointer, index))
    }

    func bind(_ index: Int32, _ value: Int?) throws { try bind(index, value.map { Int64($0) }) }

    func bind(_ index: Int32, _ value: String?) throws {
        guard var value else { return try check(cse_bind_null(pointer, index)) }
        try check(
            value.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    cse_bind_text(pointer, index, $0.baseAddress, Int32(clamping: $0.count))
                }
            })
    }

    /// Runs it to its end.
    ///
    /// - Returns: how many rows it changed, those of triggers left out.
    /// - Throws: `DatabaseError`.
    @discardableResult
    func run() throws -> Int {
        try check(cse_run_once(pointer))
        return db.changesCount
    }

    /// Runs it to its end with values from a parameter on, without a copy of their texts.
    ///
    /// - Returns: how many rows it changed, those of triggers left out.
    /// - Throws: `DatabaseError`.
    func run(with block: RowBlock, from first: Int32) throws -> Int {
        try check(
            block.cells.withUnsafeBufferPointer { cells in
                block.lengths.withUnsafeBufferPointer { lengths in
                    block.bytes.withUnsafeBufferPointer { bytes in
                        cse_run_with_cells(
                            pointer, first, Int32(cells.count), cells.baseAddress, lengths.baseAddress,
                            bytes.baseAddress)
                    }
                }
            })
        return db.changesCount
    }

    /// Reads its only row, or the first.
    ///
    /// - Parameter read: what is wanted of the row; must not run the same statement.
    /// - Returns: nil where there is no row.
    /// - Throws: `DatabaseError`, and what `read` throws.
    func first<Value>(_ read: (PreparedRow) throws -> Value) throws -> Value? {
        var isRow: Int32 = 0
        try check(cse_step(pointer, &isRow))
        guard isRow != 0 else { return nil }
        let value = Result { try read(PreparedRow(statement: pointer)) }
        // A change with RETURNING has done all of it before its first row.
        try check(cse_reset(pointer))
        return try value.get()
    }

    /// Runs `SELECT thin_points(?1, step, value) FROM …`, whose rows come in the order of their steps.
    ///
    /// - Parameters:
    ///   - first: where the first span begins.
    ///   - width: steps of a span.
    ///   - spans: all that the steps of the rows lie in.
    /// - Throws: `DatabaseError`.
    func thinned(first: Int64, width: Int64, spans: Int) throws -> ThinnedPoints {
        var (total, gaps, kept): (Int64, Int64, Int64) = (0, 0, 0)
        var values: [Double] = []
        let steps = try [Int64](unsafeUninitializedCapacity: 4 * spans) { steps, stepCount in
            values = try [Double](unsafeUninitializedCapacity: 4 * spans) { values, valueCount in
                kept = cse_thin_points(
                    pointer, first, width, steps.baseAddress, values.baseAddress, &total, &gaps)
                try check(Int32(clamping: max(0, -kept)))
                valueCount = Int(kept)
            }
            stepCount = Int(kept)
        }
        return ThinnedPoints(steps: steps, values: values, total: Int(total), gaps: Int(gaps))
    }

    private func check(_ code: Int32) throws {
        guard code != 0 else { return }
        let error = DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        _ = cse_reset(pointer)
        throw error
    }
}

/// Values of some rows, one after the other, laid out for SQLite.
struct RowBlock {
    /// Numbers, and the places of texts in `bytes`.
    fileprivate var cells: [Int64] = []
    /// Of texts, in bytes; -1 for a number.
    fileprivate var lengths: [Int32] = []
    fileprivate var bytes: [UInt8] = []

    mutating func add(_ number: Int64) {
        cells.append(number)
        lengths.append(-1)
    }

    mutating func add(_ number: Int) { add(Int64(number)) }

    mutating func add(_ text: String) {
        cells.append(Int64(bytes.count))
        bytes.append(contentsOf: text.utf8)
        lengths.append(Int32(clamping: text.utf8.count))
    }

    /// The room stays.
    mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// What is left of the points of a curve for its drawing, in the order of their steps.
struct ThinnedPoints: Sendable {
    var steps: [Int64]
    var values: [Double]
    /// Points that there were, and those among them that are no number.
    var total: Int
    var gaps: Int

    static func + (first: Self, second: Self) -> Self {
        Self(
            steps: first.steps + second.steps, values: first.values + second.values, total: first.total + second.total,
            gaps: first.gaps + second.gaps)
    }
}

/// A row of a ``PreparedStatement``, while it is read.
struct PreparedRow {
    fileprivate let statement: UnsafeMutableRawPointer

    func integer(_ column: Int32) -> Int64 { cse_column_integer(statement, column) }

    /// 0 for NULL too.
    func flag(_ column: Int32) -> Bool { integer(column) != 0 }

    func text(_ column: Int32) -> String? {
        var count: Int32 = 0
        guard let bytes = cse_column_text(statement, column, &count) else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }
}
