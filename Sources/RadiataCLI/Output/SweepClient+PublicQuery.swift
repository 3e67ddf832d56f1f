import SweepAnalysis
import SweepClient
import SweepWire

extension SweepClient {
    /// Asks a query of the program's own, and reads its rows. Says so where a limit cut the answer.
    ///
    /// - Parameter limit: most rows.
    /// - Throws: `ClientError`.
    func rows<Row>(
        of query: PublicQuery<Row>, limit: Int = 100_000, retry: RetryPolicy = .user,
        timeLimit: Duration = .seconds(120)
    ) async throws -> [Row] {
        let answer = try await call(
            .query, QueryRequest(sql: query.sql, limit: limit), retry: retry, timeLimit: timeLimit)
        if answer.isTruncated { Console.note("warning: only the first \(answer.rows.count) rows are looked at") }
        return query.rows(answer.rows)
    }
}
