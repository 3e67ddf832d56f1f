import SweepAnalysis
import SweepLedger
import SweepModel

/// The coordinator asking itself, as its users do.
struct LedgerSource: SweepSource {
    let ledger: Ledger

    func jobs(ofSweep sweep: String) async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        let page = 10_000
        while true {
            let found = try await ledger.jobs(sweep: sweep, state: nil, limit: page, after: jobs.last?.id)
            jobs += found.map(\.job)
            if found.count < page { return jobs }
        }
    }

    /// The program's own queries need none of the guards that those of users have, nor a process.
    func answer(to sql: String, limit: Int) async throws -> [[QueryValue]] {
        try await ledger.answer(to: sql, limit: limit)
    }
}
