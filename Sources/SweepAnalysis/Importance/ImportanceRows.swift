import RunSpec
import SweepModel

/// A measure's values, one a job and checkpoint, with what they may depend on.
struct ImportanceRows {
    struct Row {
        var job: String
        var configuration: String
        var seed: Int
        var step: Int
        var epoch: Int
        var value: Double
    }

    /// By job, then by step.
    private(set) var rows: [Row] = []
    /// Whether there are several checkpoints a job.
    private(set) var hasCheckpoints = false
    private(set) var hasEpochs = false

    init(_ set: SweepResultSet, _ index: ResultIndex, _ criterion: Criterion) {
        for job in set.jobs.sorted(by: { ($0.configuration, $0.seed, $0.id) < ($1.configuration, $1.seed, $1.id) }) {
            var steps = index.steps[job.id] ?? []
            let points = criterion.prompts == nil ? index.points(criterion.metric, job.id) : []
            if steps.isEmpty { steps = points.last.map { [$0.step] } ?? [] }
            for step in steps {
                guard let value = index.value(criterion, job.id, step), value.isFinite else { continue }
                rows.append(
                    Row(
                        job: job.id, configuration: job.configuration, seed: job.seed, step: step,
                        epoch: index.checkpoint(job.id, step)?.epoch ?? 0, value: value))
            }
        }
        hasCheckpoints = Set(rows.map(\.step)).count > 1
        hasEpochs = hasCheckpoints && rows.allSatisfy { $0.epoch > 0 } && Set(rows.map(\.epoch)).count > 1
    }

    /// The values of each configuration's jobs at the last step that all configurations have; without such a
    /// step at each one's own last. Sorted by configuration.
    func last() -> (groups: [(configuration: String, bySeed: [Int: Double])], step: Int?) {
        let byConfiguration = Dictionary(grouping: rows, by: \.configuration).sorted { $0.key < $1.key }
        let common = byConfiguration.map { Set($0.value.map(\.step)) }.reduce(nil as Set<Int>?) {
            $0?.intersection($1) ?? $1
        }
        let step = common?.max()
        let groups = byConfiguration.map { configuration, rows in
            let byJob = Dictionary(grouping: rows, by: \.job).values
            let chosen = byJob.compactMap { own in
                step.map { step in own.first { $0.step == step } } ?? own.last
            }
            return (configuration, Dictionary(chosen.map { ($0.seed, $0.value) }) { first, _ in first })
        }
        return (groups.filter { !$0.1.isEmpty }, step)
    }
}

/// Groups of seeds, with the variance that counts for their differences: taken seed by seed where that helps.
struct SeedGroups {
    /// In the order that was given.
    var groups: [SeedGroup]
    var variance: ModeratedVariance?
    var isPaired: Bool

    init(_ values: [[Int: Double]]) {
        let pairing = SeedPairing(values)
        groups = pairing.groups
        isPaired = pairing.isPaired
        variance = ModeratedVariance(pairing.groups)
    }
}
