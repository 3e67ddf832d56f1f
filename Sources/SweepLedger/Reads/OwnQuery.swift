import GRDB
package import SweepModel

extension Ledger {
    /// The rows of a query that the program itself wrote, at most `limit`. Queries of users go through
    /// `ReadOnlyQuery`, which guards what they may read and take.
    ///
    /// - Throws: `DatabaseError`.
    package func answer(to sql: String, limit: Int) async throws -> [[QueryValue]] {
        try await read { db in
            let rows = try Row.fetchCursor(db, sql: sql)
            var answer: [[QueryValue]] = []
            while answer.count < limit, let row = try rows.next() {
                answer.append((0..<row.count).map { QueryValue(row[$0] as DatabaseValue) })
            }
            return answer
        }
    }

    /// What tells whether an answer about a sweep still holds: it changes with every change of a job, with
    /// every result, and with everything that somebody did.
    ///
    /// - Returns: nil while jobs of the sweep run: they log at any time.
    /// - Throws: `DatabaseError`.
    package func mark(ofSweep sweep: String) async throws -> String? {
        try await read { db in
            let row = try db.first(
                """
                SELECT (SELECT coalesce(max(id), 0) FROM event), (SELECT coalesce(max(id), 0) FROM audit),
                    (SELECT coalesce(sum(m.results), 0) FROM sweep s JOIN sweep_measure m ON m.sweep = s.id WHERE s.name = ?1),
                    (SELECT coalesce(sum(c.jobs), 0) FROM sweep s JOIN sweep_count c ON c.sweep = s.id
                        WHERE s.name = ?1 AND c.state = 'running')
                """, [sweep])
            guard let row, (row[3] as Int) == 0 else { return nil }
            return "\(row[0] as Int64) \(row[1] as Int64) \(row[2] as Int64)"
        }
    }

    /// What tells whether the curves of a job are as they were: its attempts, and the points that were taken
    /// of them.
    ///
    /// - Throws: `LedgerError` `notFound` or `ambiguous`.
    package func mark(ofCurvesOf job: String) async throws -> String {
        try await read { db in
            let row = try db.first(
                """
                SELECT count(*), coalesce(sum(points), 0), coalesce(sum(ended IS NOT NULL), 0), max(id) FROM attempt
                WHERE job = ?
                """, [JobLookup.row(job, db)])
            guard let row else { return "" }
            return "\(row[0] as Int) \(row[1] as Int64) \(row[2] as Int) \((row[3] as Int64?) ?? 0)"
        }
    }
}

extension QueryValue {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let number): self = .integer(number)
        case .double(let number): self = .real(number)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob(Array(data))
        }
    }
}
