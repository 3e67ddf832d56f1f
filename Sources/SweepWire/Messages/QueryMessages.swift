package import Foundation
package import SweepModel

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
