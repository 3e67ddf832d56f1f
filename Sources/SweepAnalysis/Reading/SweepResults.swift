import RunSpec
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
    ///   - overview: nil to ask for it.
    package func fetch(
        metrics: [String]? = nil, isAveraged: Bool = false, isBrief: Bool = false, curves: [String] = [],
        overview known: SweepOverview? = nil
    ) async throws -> SweepResultSet {
        let overview = if let known { known } else { try await self.overview() }
        var (jobs, left): ([JobSummary], Int) = ([], 0)
        if isBrief, overview.trained > PublicQueries.smallSweep {
            let near = [PublicQueries.evaluated(by: metrics)] + curves.map(PublicQueries.logged)
            let query = PublicQueries.briefs(ofSweep: sweep, near: near.joined(separator: " UNION ALL "))
            jobs = try await source.rows(of: query, limit: Self.most)
            left = overview.trained - jobs.count
        } else if isBrief, overview.trained > 0 {
            jobs = try await source.rows(of: PublicQueries.briefs(ofSweep: sweep), limit: Self.most)
        } else {
            // A sweep that is not there is named by who lists its jobs.
            jobs = try await source.jobs(ofSweep: sweep).filter(\.isCompared)
        }
        let query = PublicQueries.results(
            ofSweep: sweep, metrics: metrics, isAveraged: isAveraged, isOwn: overview.hasOwnProtocol)
        var set = SweepResultSet(
            sweep: sweep, jobs: jobs, results: try await source.rows(of: query, limit: Self.most),
            declared: overview.declared)
        set.jobsElsewhere = left
        return set
    }

    private static let most = 1_000_000

    /// What there is.
    package func overview() async throws -> SweepOverview {
        var found = SweepOverview(try await source.rows(of: PublicQueries.overview(ofSweep: sweep)))
        if found.hasOwnProtocol {
            found.measures = try await source.rows(of: PublicQueries.ownMeasures(ofSweep: sweep))
        }
        return found
    }

    /// What an answer by a rule reads, and no more.
    ///
    /// - Parameters:
    ///   - rule: nil for the one that fits to what was measured.
    ///   - place: which values of curves count where the rule reads nothing else.
    ///   - checkpoints: as the answer will be asked for; nil for what fits the rule.
    ///   - rows: so many configurations that are the best of a large sweep, at least; nil for all.
    ///   - metrics: of evaluations; nil for all that an answer has words for.
    ///   - withImages: the values of single images, too: they say where spread comes from.
    package func fetchForAnswer(
        rule given: DecisionRule? = nil, at place: SweepCurves.Place = .last,
        checkpoints: SweepResultSet.CheckpointChoice? = nil, rows: Int? = nil, metrics: [String]? = nil,
        withImages: Bool = false, overview known: SweepOverview? = nil
    ) async throws -> (set: SweepResultSet, rule: DecisionRule) {
        let overview = if let known { known } else { try await self.overview() }
        let rule =
            given ?? .standard(measures: overview.measures, curves: overview.curves, declared: overview.declared)
        let isOfCurves = rule.readsOnlyCurves
        let choice = checkpoints ?? (isOfCurves ? .last : .best)
        if let rows, isOfCurves ? place == .last && choice == .last : choice == .last || choice == .best,
            let set = try await shortlist(
                rule, choice, rows, overview, metrics: metrics ?? rule.metricsToRead, withImages: withImages)
        {
            return (set, rule)
        }
        // A checkpoint competes by what was evaluated; where nothing was, by what was logged.
        var set = try await fetch(
            metrics: metrics ?? rule.metricsToRead, isAveraged: true, isBrief: true,
            curves: isOfCurves ? rule.criteria.map(\.metric) : [], overview: overview)
        let curves = SweepCurves(source: source, sweep: sweep)
        for criterion in rule.criteria where criterion.prompts == nil {
            set.curves[criterion.metric] =
                isOfCurves && place != .best
                ? try await curves.values(of: criterion.metric, at: place, lowerIsBetter: criterion.lowerIsBetter)
                : try await curves.points(of: criterion.metric)
        }
        if withImages, let first = rule.criteria.first(where: { $0.prompts != nil }), let prompts = first.prompts {
            let query = PublicQueries.imageValues(
                ofSweep: sweep, metric: first.metric, prompts: prompts, isOwn: overview.hasOwnProtocol)
            set.add(try await source.rows(of: query, limit: Self.most))
        }
        if !isOfCurves { set.confirmations = try await confirmations() }
        return (set, rule)
    }

    /// The values of single images behind metrics, as the sweep's own protocol measured them.
    package func imageValues(of metrics: [String], prompts: String) async throws -> [PublicQueries.ImageValue] {
        guard !metrics.isEmpty else { return [] }
        let isOwn = try await overview().hasOwnProtocol
        var values: [PublicQueries.ImageValue] = []
        for metric in metrics {
            let query = PublicQueries.imageValues(ofSweep: sweep, metric: metric, prompts: prompts, isOwn: isOwn)
            values += try await source.rows(of: query, limit: Self.most)
        }
        return values
    }

    private func confirmations() async throws -> [SweepResult] {
        try await source.rows(of: PublicQueries.confirmations(ofSweep: sweep))
    }

    /// Of a large sweep the best configurations whole, and of all others numbers.
    ///
    /// - Returns: nil for a sweep that is not large, or a rule that must read more.
    private func shortlist(
        _ rule: DecisionRule, _ place: SweepResultSet.CheckpointChoice, _ rows: Int, _ overview: SweepOverview,
        metrics: [String], withImages: Bool
    ) async throws -> SweepResultSet? {
        let isOfCurves = rule.readsOnlyCurves
        guard overview.trained > PublicQueries.smallSweep, !overview.hasOwnProtocol, !rule.criteria.isEmpty,
            isOfCurves || rule.criteria.allSatisfy({ $0.prompts != nil })
        else { return nil }
        guard let packed = try await self.packed(rule, overview),
            let list = Shortlist(packed, rule, place, count: max(rows, AnswerMaker.comparedRows))
        else { return nil }
        let wanted = list.configurations
        let near = PublicQueries.jobs(ofConfigurations: wanted + list.beyond.sample)
        let jobs = try await source.rows(of: PublicQueries.briefs(ofSweep: sweep, near: near), limit: Self.most)
        let listed = Set(wanted.map(String.init))
        var set = SweepResultSet(
            sweep: sweep, jobs: jobs.filter { listed.contains($0.configuration) }, results: [],
            declared: overview.declared)
        (set.beyond, set.sample) = (list.beyond, jobs)
        set.jobsElsewhere = overview.trained - list.beyond.jobs
        if isOfCurves {
            for criterion in rule.criteria {
                set.curves[criterion.metric] = try await source.rows(
                    of: PublicQueries.lastValues(
                        ofSweep: sweep, key: criterion.metric, configurations: wanted), limit: Self.most)
            }
            return set
        }
        for var row in try await source.rows(
            of: PublicQueries.results(ofSweep: sweep, metrics: metrics, configurations: wanted), limit: Self.most)
        {
            if row.class == PublicQueries.confirmation {
                row.class = ""
                set.confirmations.append(row)
            } else {
                set.results.append(row)
            }
        }
        if withImages, let first = rule.criteria.first, let prompts = first.prompts {
            let query = PublicQueries.imageValues(
                ofSweep: sweep, metric: first.metric, prompts: prompts, isOwn: false, configurations: wanted)
            set.add(try await source.rows(of: query, limit: Self.most))
        }
        return set
    }

    /// - Returns: nil where an answer does not fit into its limits, as of jobs with very many checkpoints.
    private func packed(_ rule: DecisionRule, _ overview: SweepOverview) async throws -> PackedValues? {
        var packed = PackedValues(criteria: rule.criteria.count)
        let count = max(overview.count(of: rule.criteria), 1)
        let width = max(1, overview.jobs.count / max(1, count / PublicQueries.packedValues))
        for start in stride(from: overview.jobs.lowerBound, through: overview.jobs.upperBound, by: width) {
            let jobs = start...min(start + width - 1, overview.jobs.upperBound)
            let query = PublicQueries.packedColumns(ofSweep: sweep, rule.criteria, jobs: jobs)
            do {
                // Jobs that cannot be read in short must not be missing: everything is read then.
                for columns in try await source.rows(of: query) where !packed.add(columns) { return nil }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // What reads everything says what is wrong, if it is not the size.
                return nil
            }
        }
        packed.sort()
        return packed
    }
}
