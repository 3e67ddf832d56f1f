import SweepAnalysis
package import SweepClient
package import SweepModel
import SweepWire

extension SweepClient: SweepSource {
    /// - Throws: `CommandFailure` for a sweep that is not there; `ClientError`.
    package func jobs(ofSweep sweep: String) async throws -> [JobSummary] {
        let jobs = try await JobPages(client: self, sweep: sweep, state: nil, size: 10_000).all()
        guard !jobs.isEmpty else { throw CommandFailure(.notFound, "there is no sweep '\(sweep)', or it has no jobs") }
        return jobs
    }

    /// Says so where a limit cut the answer.
    ///
    /// - Throws: `ClientError`.
    package func answer(to sql: String, limit: Int) async throws -> [[QueryValue]] {
        try await answer(to: sql, limit: limit, retry: .user, timeLimit: .seconds(120))
    }

    /// Asks a query of the program's own, and reads its rows.
    ///
    /// - Parameter limit: most rows.
    /// - Throws: `ClientError`.
    func rows<Row>(
        of query: PublicQuery<Row>, limit: Int = 100_000, retry: RetryPolicy,
        timeLimit: Duration = .seconds(120)
    ) async throws -> [Row] {
        query.rows(try await answer(to: query.sql, limit: limit, retry: retry, timeLimit: timeLimit))
    }

    private func answer(
        to sql: String, limit: Int, retry: RetryPolicy, timeLimit: Duration
    ) async throws -> [[QueryValue]] {
        let answer = try await call(.query, QueryRequest(sql: sql, limit: limit), retry: retry, timeLimit: timeLimit)
        if answer.isTruncated { Console.note("warning: only the first \(answer.rows.count) rows are looked at") }
        return answer.rows
    }
}
