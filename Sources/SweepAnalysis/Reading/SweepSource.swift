package import SweepModel

/// Who knows a sweep's jobs and answers queries: a coordinator asked from outside, or the coordinator itself.
package protocol SweepSource: Sendable {
    /// All jobs of a sweep, in the order in which they were made.
    func jobs(ofSweep sweep: String) async throws -> [JobSummary]

    /// The rows of a query over the public tables and views, at most `limit`.
    func answer(to sql: String, limit: Int) async throws -> [[QueryValue]]
}

extension SweepSource {
    /// Asks a query of the program's own, and reads its rows.
    package func rows<Row>(of query: PublicQuery<Row>, limit: Int = 100_000) async throws -> [Row] {
        query.rows(try await answer(to: query.sql, limit: limit))
    }
}
