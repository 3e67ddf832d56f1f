package import RunSpec
import SweepModel

/// Fetches a sweep's jobs and results and hands them to the analysis as plain values.
package struct SweepResults: Sendable {
    package let source: any SweepSource
    package let sweep: String

    package init(source: any SweepSource, sweep: String) {
        self.source = source
        self.sweep = sweep
    }

    /// - Parameters:
    ///   - metrics: only these; nil for all.
    ///   - isAveraged: only averages over classes.
    ///   - isBrief: of jobs only what an answer reads: neither workers nor failures; of a large sweep only
    ///     those of configurations that have values of these metrics or curves.
    ///   - curves: keys that will be read; nothing is fetched of them.
    package func fetch(
        metrics: [String]? = nil, isAveraged: Bool = false, isBrief: Bool = false, curves: [String] = []
    ) async throws -> SweepResultSet {
        var (jobs, left): ([JobSummary], Int) = ([], 0)
        let count = isBrief ? try await source.rows(of: PublicQueries.trainedCount(ofSweep: sweep)).first ?? 0 : 0
        if count > PublicQueries.smallSweep {
            let near = [PublicQueries.evaluated(by: metrics)] + curves.map(PublicQueries.logged)
            let query = PublicQueries.briefs(ofSweep: sweep, near: near.joined(separator: " UNION ALL "))
            jobs = try await source.rows(of: query, limit: 1_000_000)
            left = count - jobs.count
        } else if count > 0 {
            jobs = try await source.rows(of: PublicQueries.briefs(ofSweep: sweep), limit: 1_000_000)
        } else {
            // A sweep that is not there is named by who lists its jobs.
            jobs = try await source.jobs(ofSweep: sweep).filter(\.trains)
        }
        let query = PublicQueries.results(ofSweep: sweep, metrics: metrics, isAveraged: isAveraged)
        var set = SweepResultSet(
            sweep: sweep, jobs: jobs, results: try await source.rows(of: query, limit: 1_000_000),
            declared: try await declared())
        set.jobsElsewhere = left
        return set
    }

    /// What the sweep file says about metrics.
    package func declared() async throws -> [MetricDeclaration] {
        try await source.rows(of: PublicQueries.declaredMetrics(ofSweep: sweep))
    }

    /// What an answer by a rule reads, and no more.
    ///
    /// - Parameters:
    ///   - rule: nil for the one that fits to what was measured.
    ///   - place: which values of curves count where the rule reads nothing else.
    ///   - withImages: the values of single images, too: they say where spread comes from.
    package func fetchForAnswer(
        rule given: DecisionRule? = nil, at place: SweepCurves.Place = .last, withImages: Bool = false
    ) async throws -> (set: SweepResultSet, rule: DecisionRule) {
        let curves = SweepCurves(source: source, sweep: sweep)
        let rule: DecisionRule
        if let given {
            rule = given
        } else {
            rule = .standard(
                measures: try await source.rows(of: PublicQueries.measures(ofSweep: sweep)),
                curves: try await curves.keys(), declared: try await declared())
        }
        let isOfCurves = rule.readsOnlyCurves
        // A checkpoint competes by what was evaluated; where nothing was, by what was logged.
        var set = try await fetch(
            metrics: rule.metricsToRead, isAveraged: true, isBrief: true,
            curves: isOfCurves ? rule.criteria.map(\.metric) : [])
        for criterion in rule.criteria where criterion.prompts == nil {
            set.curves[criterion.metric] =
                isOfCurves && place != .best
                ? try await curves.values(of: criterion.metric, at: place, lowerIsBetter: criterion.lowerIsBetter)
                : try await curves.points(of: criterion.metric)
        }
        if withImages, let first = rule.criteria.first(where: { $0.prompts != nil }), let prompts = first.prompts {
            let query = PublicQueries.imageValues(ofSweep: sweep, metric: first.metric, prompts: prompts)
            set.add(try await source.rows(of: query, limit: 1_000_000))
        }
        if !isOfCurves { set.confirmations = try await source.rows(of: PublicQueries.confirmations(ofSweep: sweep)) }
        return (set, rule)
    }
}
