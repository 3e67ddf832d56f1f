import RunSpec
import SweepModel

/// A configuration at one checkpoint, with the values of its seeds.
struct Candidate {
    var configuration: String
    var step: Int
    /// Sorted by seed.
    var jobs: [JobSummary]
    /// By criterion, then by job.
    var values: [[Double]]

    var means: [Double] { values.map { $0.reduce(0, +) / Double($0.count) } }
    var isFinite: Bool { values.allSatisfy { $0.allSatisfy(\.isFinite) } }
}

/// All that compete, before each configuration has chosen its checkpoint.
struct CandidateField {
    /// By configuration, in the order of their ids.
    var byConfiguration: [(configuration: String, candidates: [Candidate])] = []
    /// Configurations of which no job has all criteria.
    var withoutValues = 0
    /// Jobs that lack a criterion although their configuration competes.
    var jobsLeftOut = 0

    init(_ set: SweepResultSet, _ rule: DecisionRule, _ index: ResultIndex, _ place: SweepResultSet.CheckpointChoice) {
        guard !rule.criteria.isEmpty else { return }
        let grouped = Dictionary(grouping: set.jobs, by: \.configuration).sorted { $0.key < $1.key }
        for (configuration, jobs) in grouped {
            let jobs = jobs.sorted { ($0.seed, $0.id) < ($1.seed, $1.id) }
            let found =
                rule.readsOnlyCurves
                ? Self.ofCurves(configuration, jobs, rule, index, place)
                : Self.ofCheckpoints(configuration, jobs, rule, index, place)
            // A checkpoint that only some seeds have reached is no rival to those that all have.
            let most = found.map(\.jobs.count).max() ?? 0
            guard most > 0 else {
                withoutValues += 1
                continue
            }
            jobsLeftOut += jobs.count - most
            byConfiguration.append((configuration, found.filter { $0.jobs.count == most }))
        }
    }

    private static func ofCheckpoints(
        _ configuration: String, _ jobs: [JobSummary], _ rule: DecisionRule, _ index: ResultIndex,
        _ place: SweepResultSet.CheckpointChoice
    ) -> [Candidate] {
        let steps = Set(jobs.flatMap { index.steps[$0.id] ?? [] }).sorted()
        let found = steps.compactMap { step -> Candidate? in
            if case .step(let wanted) = place, wanted != step { return nil }
            return candidate(configuration, step, jobs) { job in
                values(rule) { index.value($0, job.id, step) }
            }
        }
        guard case .meanOfLast(let count) = place else { return found }
        let most = found.map(\.jobs.count).max() ?? 0
        let complete = found.filter { $0.jobs.count == most }
        return [averaged(complete.suffix(count).filter { $0.jobs == complete.last?.jobs })].compactMap { $0 }
    }

    private static func ofCurves(
        _ configuration: String, _ jobs: [JobSummary], _ rule: DecisionRule, _ index: ResultIndex,
        _ place: SweepResultSet.CheckpointChoice
    ) -> [Candidate] {
        let first = rule.criteria[0].metric
        switch place {
        case .all, .best:
            // Steps that every job that logged the first criterion has.
            let logged = jobs.map { Set(index.points(first, $0.id).map(\.step)) }.filter { !$0.isEmpty }
            let common = logged.dropFirst().reduce(logged.first ?? []) { $0.intersection($1) }
            return common.sorted().compactMap { step in
                candidate(configuration, step, jobs) { job in values(rule) { index.value($0, job.id, step) } }
            }
        case .step(let step):
            return [
                candidate(configuration, step, jobs) { job in
                    values(rule) { criterion in
                        index.points(criterion.metric, job.id).last { $0.step == step }?.value
                    }
                }
            ].compactMap { $0 }
        case .last: return ofLast(1)
        case .meanOfLast(let count): return ofLast(count)
        }
        /// Seeds that ended at different steps count alike; the step is the largest of them.
        func ofLast(_ count: Int) -> [Candidate] {
            let last = jobs.compactMap { index.points(first, $0.id).last?.step }.max() ?? 0
            return [
                candidate(configuration, last, jobs) { job in
                    values(rule) { criterion in
                        let points = index.points(criterion.metric, job.id).suffix(count)
                        return points.isEmpty ? nil : points.reduce(0) { $0 + $1.value } / Double(points.count)
                    }
                }
            ].compactMap { $0 }
        }
    }

    private static func values(_ rule: DecisionRule, _ read: (Criterion) -> Double?) -> [Double]? {
        var values: [Double] = []
        for criterion in rule.criteria {
            guard let value = read(criterion) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func candidate(
        _ configuration: String, _ step: Int, _ jobs: [JobSummary], _ read: (JobSummary) -> [Double]?
    ) -> Candidate? {
        var (complete, rows): ([JobSummary], [[Double]]) = ([], [])
        for job in jobs {
            guard let values = read(job) else { continue }
            complete.append(job)
            rows.append(values)
        }
        guard let first = rows.first else { return nil }
        return Candidate(
            configuration: configuration, step: step, jobs: complete,
            values: first.indices.map { criterion in rows.map { $0[criterion] } })
    }

    private static func averaged(_ candidates: [Candidate]) -> Candidate? {
        guard var mean = candidates.last else { return nil }
        for criterion in mean.values.indices {
            for job in mean.values[criterion].indices {
                mean.values[criterion][job] =
                    candidates.reduce(0) { $0 + $1.values[criterion][job] } / Double(candidates.count)
            }
        }
        return mean
    }
}
