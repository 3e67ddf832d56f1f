import CSimulatedDisk

/// Reads the ledger with plain SQL on a connection of its own; shares nothing with the coordinator.
final class LedgerInspector {
    enum Value: Equatable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)

        var int: Int { if case .integer(let value) = self { Int(value) } else { 0 } }
        var string: String { if case .text(let value) = self { value } else { "" } }
        var double: Double? {
            switch self {
            case .real(let value): value
            case .integer(let value): Double(value)
            default: nil
            }
        }
        var isNull: Bool { self == .null }
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    private let connection: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]

    /// - Throws: `Failure` if SQLite cannot open the file for reading.
    init(_ path: String) throws {
        var connection: OpaquePointer?
        let code = csd_look_open(path, &connection)
        guard let connection else { throw Failure(description: "cannot open \(path): \(code)") }
        self.connection = connection
    }

    deinit {
        for statement in statements.values { csd_look_finish(statement) }
        csd_look_close(connection)
    }

    func rows(_ sql: String) throws -> [[Value]] {
        let statement = try prepared(sql)
        defer { csd_look_reset(statement) }
        let columns = csd_look_columns(statement)
        var rows: [[Value]] = []
        while true {
            switch csd_look_step(statement) {
            case 0: return rows
            case 1: rows.append((0..<columns).map { value(statement, $0) })
            default: throw failure(sql)
            }
        }
    }

    private func prepared(_ sql: String) throws -> OpaquePointer {
        if let known = statements[sql] { return known }
        guard let statement = csd_look_prepare(connection, sql) else { throw failure(sql) }
        statements[sql] = statement
        return statement
    }

    private func value(_ statement: OpaquePointer, _ column: Int32) -> Value {
        switch csd_look_type(statement, column) {
        case Int32(CSD_NULL): return .null
        case Int32(CSD_INTEGER): return .integer(csd_look_integer(statement, column))
        case Int32(CSD_REAL): return .real(csd_look_real(statement, column))
        default:
            var count: Int32 = 0
            guard let bytes = csd_look_bytes(statement, column, &count) else { return .text("") }
            return .text(String(decoding: UnsafeRawBufferPointer(start: bytes, count: Int(count)), as: UTF8.self))
        }
    }

    private func failure(_ sql: String) -> Failure {
        Failure(description: "\(String(cString: csd_look_message(connection))): \(sql.prefix(120))")
    }
}
