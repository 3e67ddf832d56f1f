import RunSpec

/// Makes a plan's jobs as workers get them, a part of them at a time: all of a million would take a
/// gigabyte.
package struct JobResolver: Sendable {
    private let definition: SweepDefinition
    private let plan: SweepPlan
    private let base: ResolvedInput?
    private let data: ResolvedInput?
    private let regData: ResolvedInput?
    private let encoders: [EncoderRole: ResolvedInput]
    /// Of all jobs in the plan's order; empty where nobody reads them.
    private let names: [String]
    /// The configuration that was asked for last, and its job: its seeds follow one another.
    private var last: (configuration: Int, job: ResolvedJob)?

    /// Where ids are computed when they are asked for; the plan has no jobs then.
    private let outline: SweepOutline?

    package var count: Int { outline?.count ?? plan.jobs.count }

    /// - Throws: `SweepModelError` naming an input that has no digest: such a job cannot be identified, so
    ///   not be run.
    package init(_ definition: SweepDefinition, _ plan: SweepPlan) throws(SweepModelError) {
        try self.init(definition, plan, nil)
    }

    /// - Throws: as the other one.
    package init(_ definition: SweepDefinition, _ outline: SweepOutline) throws(SweepModelError) {
        // Names of jobs are told apart by all ids.
        let needsAll = definition.trainer.command?.templateNames.contains("name") == true
        try self.init(definition, needsAll ? outline.whole() : outline.plan, needsAll ? nil : outline)
    }

    private init(
        _ definition: SweepDefinition, _ plan: SweepPlan, _ outline: SweepOutline?
    ) throws(SweepModelError) {
        self.definition = definition
        self.plan = plan
        self.outline = outline
        base = try Self.resolved(definition.base, "base")
        data = try Self.resolved(definition.data, "data")
        regData = try Self.resolved(definition.regData, "reg_data")
        var encoders: [EncoderRole: ResolvedInput] = [:]
        for role in EncoderRole.allCases {
            encoders[role] = try Self.resolved(definition.encoders[role], "evaluate.\(role.rawValue)")
        }
        self.encoders = encoders
        names = definition.trainer.command?.templateNames.contains("name") == true ? try JobNames(plan).all() : []
    }

    /// Jobs that have all but id, seed and name in common.
    package struct Run: Sendable {
        /// The first of them.
        package var first: ResolvedJob
        package var others: [(id: JobID, seed: Int, name: String?)] = []
    }

    /// The same as ``jobs(_:)``, without a copy of all that jobs of a configuration share.
    ///
    /// - Throws: as ``jobs(_:)``.
    package func runs(_ range: Range<Int>) throws(SweepModelError) -> [Run] {
        var own = self
        var runs: [Run] = []
        var configuration = -1
        for (index, planned) in zip(range, planned(range)) {
            if planned.configuration == configuration {
                runs[runs.count - 1].others.append((planned.id, planned.seed, names.isEmpty ? nil : names[index]))
            } else {
                runs.append(Run(first: try own.job(index, planned)))
                configuration = planned.configuration
            }
        }
        return runs
    }

    private func planned(_ range: Range<Int>) -> [PlannedJob] { outline?.jobs(range) ?? Array(plan.jobs[range]) }

    private mutating func job(_ index: Int, _ planned: PlannedJob) throws(SweepModelError) -> ResolvedJob {
        var job: ResolvedJob
        if let last, last.configuration == planned.configuration {
            job = last.job
        } else {
            job = try first(of: planned)
            last = (planned.configuration, job)
        }
        job.id = planned.id
        job.seed = planned.seed
        if !names.isEmpty { job.name = names[index] }
        return job
    }

    /// - Parameter range: in the plan's order.
    /// - Throws: `SweepModelError` for a point that chooses no configuration file of its trainer.
    package func jobs(_ range: Range<Int>) throws(SweepModelError) -> [ResolvedJob] {
        var own = self
        var jobs: [ResolvedJob] = []
        jobs.reserveCapacity(range.count)
        for (index, planned) in zip(range, planned(range)) { jobs.append(try own.job(index, planned)) }
        return jobs
    }

    private func first(of planned: PlannedJob) throws(SweepModelError) -> ResolvedJob {
        let configuration = plan.configurations[planned.configuration]
        var trainer = definition.trainer
        if case .command(let command) = trainer {
            trainer = .command(try command.choosingConfig(configuration.parameters))
        }
        let kind = JobKind(of: configuration.parameters, trainer: trainer)
        var job = ResolvedJob(
            id: planned.id, kind: kind, configuration: configuration.id, sweep: definition.name,
            group: configuration.group, trainer: trainer, given: configuration.given,
            parameters: configuration.parameters, seed: planned.seed, base: base, data: data, regData: regData,
            encoders: encoders, checkpoints: configuration.checkpoints,
            evaluation: kind == .edit ? nil : definition.evaluation,
            requirements: definition.requirements, retries: definition.retries,
            timeoutSeconds: definition.timeoutSeconds,
            retention: definition.retention, priority: definition.priority, stopRule: definition.stopRule,
            onOOM: definition.onOOM)
        job.former = configuration.former
        return job
    }

    private static func resolved(_ input: InputReference?, _ key: String) throws(SweepModelError) -> ResolvedInput? {
        guard let input else { return nil }
        guard let digest = input.digest else {
            throw SweepModelError(
                code: .badExpansion, message: "\(key): \(input.missingMessage); put it there or correct the path")
        }
        return ResolvedInput(path: input.path ?? input.written, digest: digest, generations: input.generations)
    }
}

extension SweepDefinition {
    /// The plan's jobs as workers get them, in the plan's order.
    ///
    /// - Throws: what ``JobResolver`` throws.
    package func resolvedJobs(_ plan: SweepPlan) throws(SweepModelError) -> [ResolvedJob] {
        let resolver = try JobResolver(self, plan)
        return try resolver.jobs(0..<resolver.count)
    }
}
