package import RunSpec
package import SweepModel

/// Which job, and which of its checkpoints or pictures, each cell of a sweep's grid shows.
package struct SweepGridPlan: Sendable {
    /// Something of one job that has a place in its training.
    package struct Item<Content: Sendable>: Sendable {
        package var job: String
        /// nil where nobody says.
        package var epoch: Int?
        package var step: Int?
        /// Tells several at one place apart; empty where there is one.
        package var series: String
        package var content: Content

        package init(job: String, epoch: Int?, step: Int?, series: String = "", content: Content) {
            self.job = job
            self.epoch = epoch
            self.step = step
            self.series = series
            self.content = content
        }
    }

    package let jobs: [JobSummary]
    private let labels: [String: String]

    /// - Parameter filters: only jobs with these values.
    /// - Throws: `RunSpecError` for a filter that leaves no job.
    package init(jobs all: [JobSummary], where filters: [ImageGridAxis] = []) throws(RunSpecError) {
        var jobs = all
        for filter in filters {
            let kept = try Self.values(of: filter, occurring: Self.occurring(filter.kind, jobs))
            jobs = jobs.filter { kept.contains(Self.value(of: filter.kind, $0) ?? "") }
        }
        // Of several jobs at one place the one that is furthest counts, then that of the first seed.
        let order = ["done": 0, "running": 1, "paused": 2, "waiting": 3]
        self.jobs = jobs.sorted { a, b in
            (order[a.state] ?? 4, a.seed, a.id) < (order[b.state] ?? 4, b.seed, b.id)
        }
        let varied = VariedParameters(jobs)
        let hasSeeds = Set(jobs.map(\.seed)).count > 1
        labels = Dictionary(
            jobs.map { ($0.id, varied.label($0.parameters) + (hasSeeds ? " · seed \($0.seed)" : "")) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The name under which the seed of the training is an axis; `seed` is that of the drawn noise.
    package static let trainingSeed = "training_seed"

    /// Names of parameters that can be an axis.
    package static func parameterNames(_ jobs: [JobSummary]) -> [String] {
        Set(jobs.flatMap(\.parameters.keys)).union([trainingSeed]).sorted()
    }

    /// Every value of an axis along which jobs differ.
    package func values(of axis: ImageGridAxis) throws(RunSpecError) -> [String] {
        let occurring =
            axis.kind == .adapter ? jobs.compactMap { labels[$0.id] } : Self.occurring(axis.kind, jobs)
        return try Self.values(of: axis, occurring: occurring)
    }

    /// - Throws: `RunSpecError` for a value that does not occur.
    package static func values(of axis: ImageGridAxis, occurring: [String]) throws(RunSpecError) -> [String] {
        guard let picks = axis.picks else {
            guard !occurring.isEmpty else {
                throw ImageGridAxis.refusal("\(axis.kind.name): no job of the sweep has one")
            }
            return axis.kind == .adapter ? occurring : ImageGridPick.ordered(occurring)
        }
        return try ImageGridPick.selected(picks, from: occurring, of: axis.kind)
    }

    private static func occurring(_ kind: ImageGridAxis.Kind, _ jobs: [JobSummary]) -> [String] {
        ImageGridPick.ordered(jobs.compactMap { value(of: kind, $0) })
    }

    private static func value(of kind: ImageGridAxis.Kind, _ job: JobSummary) -> String? {
        guard case .parameter(let name) = kind else { return nil }
        if name == trainingSeed, job.parameters[name] == nil { return "\(job.seed)" }
        return job.parameters[name].map(VariedParameters.text)
    }

    /// What a cell shows: the first job that has its values, and that job's item there.
    ///
    /// - Parameters:
    ///   - values: of the axes at the cell.
    ///   - items: sorted by step; the last is taken where neither epoch nor step is asked for.
    /// - Returns: why there is none, where there is none.
    package func item<Content: Sendable>(
        at values: [ImageGridAxis.Kind: String], of items: [String: [Item<Content>]]
    ) -> Result<Item<Content>, MissingCell> {
        let fitting = jobs.filter { job in
            values.allSatisfy { kind, value in
                switch kind {
                case .parameter: Self.value(of: kind, job) == value
                case .adapter: labels[job.id] == value
                default: true
                }
            }
        }
        guard let first = fitting.first else { return .failure(MissingCell(reason: "no job has these values")) }
        for job in fitting {
            let found = (items[job.id] ?? []).filter { item in
                values.allSatisfy { kind, value in
                    switch kind {
                    case .epoch: item.epoch.map(String.init) == value
                    case .step: item.step.map(String.init) == value
                    case .prompt: item.series == value
                    default: true
                    }
                }
            }
            // The newest; of several pictures of one step the first.
            if let newest = found.last?.step { return .success(found.first { $0.step == newest } ?? found[0]) }
            if let newest = found.last?.epoch { return .success(found.first { $0.epoch == newest } ?? found[0]) }
            if let any = found.first { return .success(any) }
        }
        return .failure(MissingCell(reason: reason(first, hasAny: items[first.id]?.isEmpty == false)))
    }

    /// Why a cell has no image.
    package struct MissingCell: Error, Equatable {
        package var reason: String
    }

    private func reason(_ job: JobSummary, hasAny: Bool) -> String {
        let name = "job \(job.id.prefix(8))"
        if job.state != "done" { return "\(name) is \(job.state)" }
        return hasAny ? "\(name) has none there" : "\(name) has none"
    }

    /// Parameters in which jobs of the grid differ beside its axes: each cell shows one of several.
    package func unshown(axes: [ImageGridAxis.Kind]) -> [String] {
        guard !axes.contains(.adapter) else { return [] }
        // Jobs that agree along all axes and yet differ.
        let groups = Dictionary(grouping: jobs) { job in axes.map { Self.value(of: $0, job) ?? "" } }
        var names: Set<String> = []
        for group in groups.values where group.count > 1 {
            names.formUnion(VariedParameters(group).names)
            if Set(group.map(\.seed)).count > 1 { names.insert(Self.trainingSeed) }
        }
        return names.sorted()
    }
}
