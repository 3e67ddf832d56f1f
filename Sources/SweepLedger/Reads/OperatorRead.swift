package import GRDB

/// What operators watch, from summaries and small indices.
package struct OperatorFigures: Sendable, Equatable {
    /// By state; a job that several sweeps share counts in each.
    package var jobs: [String: Int] = [:]
    package var sweeps = 0
    package var stopped = 0
    /// Attempts that are open.
    package var leases = 0
    package var attempts = 0
    /// When the job that goes next changed last (milliseconds since 1970); nil where none waits.
    package var waitingSince: Int64?
}

extension Ledger {
    /// - Throws: `DatabaseError`.
    package func operatorFigures() async throws -> OperatorFigures {
        try await read { db in
            var figures = OperatorFigures()
            for row in try db.all("SELECT state, sum(jobs) FROM sweep_count GROUP BY state") {
                figures.jobs[row[0]] = row[1]
            }
            let row = try db.first(
                """
                SELECT (SELECT count(*) FROM sweep), (SELECT count(*) FROM sweep_stop),
                    (SELECT count(*) FROM attempt WHERE ended IS NULL), (SELECT coalesce(max(id), 0) FROM attempt),
                    (SELECT updated FROM job WHERE state = 'waiting' ORDER BY priority DESC, id LIMIT 1)
                """)
            if let row {
                (figures.sweeps, figures.stopped, figures.leases) = (row[0], row[1], row[2])
                (figures.attempts, figures.waitingSince) = (row[3], row[4])
            }
            return figures
        }
    }
}

/// Changes nothing: tells how long a change takes.
package struct NothingToDo: LedgerVerb {
    package init() {}

    package func run(_ db: Database) throws {}
}
