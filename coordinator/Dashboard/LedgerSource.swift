import SweepAnalysis
package import SweepLedger
package import SweepModel
import Synchronization

/// The coordinator asking itself, as its users do.
package struct LedgerSource: SweepSource {
    let ledger: Ledger
    private let cut = CutAnswers()

    package init(ledger: Ledger) { self.ledger = ledger }

    /// What whoever reads its answers must be told: that some were cut off.
    package var warnings: [String] {
        let most = cut.most
        return most == 0 ? [] : ["only the first \(most) rows of an answer are looked at"]
    }

    package func jobs(ofSweep sweep: String) async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        let page = 10_000
        while true {
            let found = try await ledger.jobs(sweep: sweep, state: nil, limit: page, after: jobs.last?.id)
            jobs += found.map(\.job)
            if found.count < page { return jobs }
        }
    }

    /// The program's own queries need none of the guards that those of users have, nor a process.
    package func answer(to sql: String, limit: Int) async throws -> [[QueryValue]] {
        let rows = try await ledger.answer(to: sql, limit: limit + 1)
        guard rows.count > limit else { return rows }
        cut.note(limit)
        return Array(rows.prefix(limit))
    }
}

/// Whether answers had more rows than were asked for.
private final class CutAnswers: Sendable {
    private let largest = Mutex(0)

    /// The most rows that were not all; 0 where all answers were whole.
    var most: Int { largest.withLock { $0 } }

    func note(_ limit: Int) { largest.withLock { $0 = max($0, limit) } }
}
