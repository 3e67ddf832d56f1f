/// A sweep, expanded, whose jobs get their ids when they are asked for.
package struct SweepOutline: Sendable {
    /// A configuration and seeds of it.
    struct Run: Sendable {
        /// The place of the first among all jobs.
        let start: Int
        let configuration: Int
        let seeds: [Int]
    }

    /// Without its jobs, unless they have their ids already.
    package let plan: SweepPlan
    private let runs: [Run]
    /// Of each configuration.
    private let identities: [JobIdentity]
    private let provisional: Bool

    init(plan: SweepPlan, runs: [Run], identities: [JobIdentity], provisional: Bool) {
        self.plan = plan
        self.runs = runs
        self.identities = identities
        self.provisional = provisional
    }

    package var count: Int { runs.last.map { $0.start + $0.seeds.count } ?? plan.jobs.count }

    /// Checkpoints that all jobs together save.
    package var checkpointCount: Int {
        runs.isEmpty
            ? plan.checkpointCount
            : runs.reduce(0) { $0 + $1.seeds.count * plan.configurations[$1.configuration].checkpointCount }
    }

    /// - Parameter range: in the order of the file.
    func jobs(_ range: Range<Int>) -> [PlannedJob] {
        guard !runs.isEmpty else { return Array(plan.jobs[range]) }
        var jobs: [PlannedJob] = []
        jobs.reserveCapacity(range.count)
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            let isBefore = runs[middle].start + runs[middle].seeds.count <= range.lowerBound
            if isBefore { low = middle + 1 } else { high = middle }
        }
        for run in runs[low...] where !range.isEmpty {
            guard run.start < range.upperBound else { break }
            let places = range.clamped(to: run.start..<run.start + run.seeds.count)
            for place in places {
                let seed = run.seeds[place - run.start]
                let id = identities[run.configuration].job(seed: seed)
                jobs.append(
                    PlannedJob(id: id, configuration: run.configuration, seed: seed, provisional: provisional))
            }
        }
        return jobs
    }

    /// The plan with all its jobs.
    func whole() -> SweepPlan {
        var whole = plan
        whole.jobs = jobs(0..<count)
        return whole
    }
}
