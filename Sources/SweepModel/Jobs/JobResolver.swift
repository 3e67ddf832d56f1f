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

    package var count: Int { plan.jobs.count }

    /// - Throws: `SweepModelError` naming an input that has no digest: such a job cannot be identified, so
    ///   not be run.
    package init(_ definition: SweepDefinition, _ plan: SweepPlan) throws(SweepModelError) {
        self.definition = definition
        self.plan = plan
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

    private mutating func job(_ index: Int) throws(SweepModelError) -> ResolvedJob {
        let planned = plan.jobs[index]
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
        for index in range { jobs.append(try own.job(index)) }
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
