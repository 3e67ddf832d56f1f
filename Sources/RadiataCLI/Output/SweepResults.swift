import Foundation
import RunSpec
import SweepAnalysis
import SweepClient

/// Fetches a sweep's jobs and results and hands them to the analysis as plain values.
struct SweepResults {
    let client: SweepClient
    let sweep: String

    /// - Parameters:
    ///   - metrics: only these; nil for all.
    ///   - isAveraged: only averages over classes.
    ///   - isBrief: of jobs only what an answer reads: neither workers nor failures.
    func fetch(
        metrics: [String]? = nil, isAveraged: Bool = false, isBrief: Bool = false
    ) async throws -> SweepResultSet {
        let jobs =
            isBrief
            ? try await client.rows(of: PublicQueries.briefs(ofSweep: sweep), limit: 1_000_000)
            : try await JobPages(client: client, sweep: sweep, state: nil, size: 10_000).all()
        guard !jobs.isEmpty else { throw CommandFailure(.notFound, "there is no sweep '\(sweep)', or it has no jobs") }
        let query = PublicQueries.results(ofSweep: sweep, metrics: metrics, isAveraged: isAveraged)
        return SweepResultSet(
            sweep: sweep, jobs: jobs, results: try await client.rows(of: query, limit: 1_000_000),
            declared: try await declared())
    }

    /// What the sweep file says about metrics.
    func declared() async throws -> [MetricDeclaration] {
        try await client.rows(of: PublicQueries.declaredMetrics(ofSweep: sweep))
    }

    /// What an answer by a rule reads, and no more.
    ///
    /// - Parameters:
    ///   - rule: nil for the one that fits to what was measured.
    ///   - place: which values of curves count where the rule reads nothing else.
    ///   - withImages: the values of single images, too: they say where spread comes from.
    func fetchForAnswer(
        rule given: DecisionRule? = nil, at place: SweepCurves.Place = .last, withImages: Bool = false
    ) async throws -> (set: SweepResultSet, rule: DecisionRule) {
        let curves = SweepCurves(client: client, sweep: sweep)
        let rule: DecisionRule
        if let given {
            rule = given
        } else {
            rule = .standard(
                measures: try await client.rows(of: PublicQueries.measures(ofSweep: sweep)),
                curves: try await curves.keys(), declared: try await declared())
        }
        var set = try await fetch(metrics: rule.metricsToRead, isAveraged: true, isBrief: true)
        let isOfCurves = rule.readsOnlyCurves
        for criterion in rule.criteria where criterion.prompts == nil {
            set.curves[criterion.metric] =
                isOfCurves && place != .best
                ? try await curves.values(of: criterion.metric, at: place, lowerIsBetter: criterion.lowerIsBetter)
                : try await curves.points(of: criterion.metric)
        }
        if withImages, let first = rule.criteria.first(where: { $0.prompts != nil }), let prompts = first.prompts {
            let query = PublicQueries.imageValues(ofSweep: sweep, metric: first.metric, prompts: prompts)
            set.add(try await client.rows(of: query, limit: 1_000_000))
        }
        return (set, rule)
    }
}
