package import Foundation

/// One read-only SQL statement over the public tables and views.
package struct QueryRequest: Codable, Equatable, WireRequest {
    package var sql: String
    /// Most rows in the answer; the coordinator has its own limit too.
    package var limit: Int
    package init(sql: String, limit: Int = 100_000) {
        self.sql = sql
        self.limit = limit
    }
}

package struct QueryResponse: Codable, Equatable, WireResponse, LateFault {
    package var columns: [String]
    package var rows: [[QueryValue]]
    /// Whether a limit cut the rows.
    package var isTruncated: Bool
    /// What ended the query after its first rows were sent: they are not the answer.
    package var error: WireError?
    package init(columns: [String], rows: [[QueryValue]], isTruncated: Bool, error: WireError? = nil) {
        self.columns = columns
        self.rows = rows
        self.isTruncated = isTruncated
        self.error = error
    }
}

/// An answer that had begun, with status 200, before it failed.
package protocol LateFault {
    var error: WireError? { get }
}

/// One SQLite value as JSON: null, number, text; a blob as `{"hex": "…"}`.
package enum QueryValue: Codable, Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob(String)

    private enum CodingKeys: String, CodingKey { case hex }

    package init(from decoder: any Decoder) throws {
        if let container = try? decoder.singleValueContainer() {
            if container.decodeNil() {
                self = .null
                return
            }
            if let value = try? container.decode(Int64.self) {
                self = .integer(value)
                return
            }
            // Before text, so that "NaN" and "Infinity" written for non-finite numbers come back as numbers.
            if let value = try? container.decode(Double.self) {
                self = .real(value)
                return
            }
            if let value = try? container.decode(String.self) {
                self = .text(value)
                return
            }
        }
        self = .blob(try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .hex))
    }

    package func encode(to encoder: any Encoder) throws {
        var single: any SingleValueEncodingContainer { encoder.singleValueContainer() }
        switch self {
        case .null:
            var container = single
            try container.encodeNil()
        case .integer(let value):
            var container = single
            try container.encode(value)
        case .real(let value):
            var container = single
            try container.encode(value)
        case .text(let value):
            var container = single
            try container.encode(value)
        case .blob(let hex):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(hex, forKey: .hex)
        }
    }
}

/// Results of a sweep as a file.
package struct ExportRequest: Equatable, WireRequest {
    package enum Format: String, Sendable { case csv, jsonl }
    package var sweep: String
    package var format: Format
    package init(sweep: String, format: Format) {
        self.sweep = sweep
        self.format = format
    }
    package var parameters: [String: String] { ["sweep": sweep, "format": format.rawValue] }
    package func body() throws -> Data { Data() }
    package init(parameters: [String: String], body: Data) throws {
        sweep = try parameters.required("sweep")
        let text = try parameters.required("format")
        guard let value = Format(rawValue: text) else {
            throw WireError(.badRequest, "format: found '\(text)', wanted csv or jsonl")
        }
        format = value
    }
}
