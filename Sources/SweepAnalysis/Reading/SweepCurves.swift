/// Fetches what a sweep's jobs logged under a key, one value a job.
package struct SweepCurves: Sendable {
    let source: any SweepSource
    let sweep: String

    package init(source: any SweepSource, sweep: String) {
        self.source = source
        self.sweep = sweep
    }

    /// Which value of a job's curve counts.
    package enum Place: Equatable, Sendable {
        case last
        case best
        case step(Int)
        /// The mean of so many of the last.
        case meanOfLast(Int)
    }

    /// The keys there are.
    package func keys() async throws -> [String] { try await ask(PublicQueries.curveKeys(ofSweep: sweep)) }

    /// Jobs without such a value are left out, and so are values that are no numbers.
    package func values(of key: String, at place: Place, lowerIsBetter: Bool) async throws -> [CurveValue] {
        switch place {
        case .last: try await ask(PublicQueries.lastValues(ofSweep: sweep, key: key))
        case .best:
            try await ask(PublicQueries.bestValues(ofSweep: sweep, key: key, lowerIsBetter: lowerIsBetter))
        case .step(let step): try await ask(PublicQueries.values(ofSweep: sweep, key: key, step: step))
        case .meanOfLast(let count):
            try await ask(PublicQueries.meansOfLast(ofSweep: sweep, key: key, count: count))
        }
    }

    /// Every number of a curve.
    package func points(of key: String) async throws -> [CurveValue] {
        try await ask(PublicQueries.curves(ofSweep: sweep, key: key))
    }

    /// The first and the last step at which anything was logged under a key.
    package func steps(of key: String) async throws -> (first: Int, last: Int)? {
        try await ask(PublicQueries.steps(ofSweep: sweep, key: key)).first
    }

    private func ask<Row>(_ query: PublicQuery<Row>) async throws -> [Row] {
        try await source.rows(of: query, limit: 1_000_000)
    }
}
