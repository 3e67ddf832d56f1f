package import Ports
package import RunSpec

/// One job as a worker gets it: everything decided, nothing left to look up in a sweep file.
package struct ResolvedJob: Codable, Equatable, Sendable {
    package var id: JobID
    /// Set for everything but training: what is not said there is not in the JSON either, so that jobs of
    /// earlier programs read and write as before.
    private var otherKind: JobKind?
    package var configuration: ConfigurationID
    /// The first sweep that launched it, and the group there.
    package var sweep: SweepName
    package var group: String
    package var trainer: TrainerSpec
    /// Exactly what the sweep file set.
    package var given: [String: ParameterValue]
    /// What is trained, defaults filled in (the same as `given` for a command).
    package var parameters: [String: ParameterValue]
    package var seed: Int
    package var base: ResolvedInput?
    package var data: ResolvedInput?
    package var regData: ResolvedInput?
    /// Encoders named for the evaluation; nil for the base's own.
    package var clip: ResolvedInput?
    package var checkpoints: CheckpointPlan?
    package var evaluation: EvaluationSpec?
    package var requirements: RequirementSpec
    package var retries: RetrySpec
    package var timeoutSeconds: Double?
    package var retention: RetentionPolicy
    package var priority: Int

    package init(
        id: JobID, kind: JobKind = .train, configuration: ConfigurationID, sweep: SweepName, group: String,
        trainer: TrainerSpec,
        given: [String: ParameterValue], parameters: [String: ParameterValue], seed: Int, base: ResolvedInput? = nil,
        data: ResolvedInput? = nil, regData: ResolvedInput? = nil, clip: ResolvedInput? = nil,
        checkpoints: CheckpointPlan? = nil,
        evaluation: EvaluationSpec? = nil, requirements: RequirementSpec = RequirementSpec(),
        retries: RetrySpec = RetrySpec(), timeoutSeconds: Double? = nil, retention: RetentionPolicy = RetentionPolicy(),
        priority: Int = 0
    ) {
        self.id = id
        otherKind = kind == .train ? nil : kind
        self.configuration = configuration
        self.sweep = sweep
        self.group = group
        self.trainer = trainer
        self.given = given
        self.parameters = parameters
        self.seed = seed
        self.base = base
        self.data = data
        self.regData = regData
        self.clip = clip
        self.checkpoints = checkpoints
        self.evaluation = evaluation
        self.requirements = requirements
        self.retries = retries
        self.timeoutSeconds = timeoutSeconds
        self.retention = retention
        self.priority = priority
    }

    /// What the job does.
    package var kind: JobKind { otherKind ?? .train }

    private enum CodingKeys: String, CodingKey {
        case id, configuration, sweep, group, trainer, given, parameters, seed, base, data, regData, clip, checkpoints
        case evaluation, requirements, retries, timeoutSeconds, retention, priority
        case otherKind = "kind"
    }

    package var inputs: [ResolvedInput] { [base, data, regData, clip].compactMap { $0 } }

    /// The version of the core that its id names, and that a worker must know; nil where the core has no part
    /// in it.
    package var coreVersion: String? {
        JobIdentity.coreVersion(
            trainer: trainer, evaluation: evaluation, inputs: .newest(inputs.map(\.generations)),
            resolution: parameters["resolution"])
    }

    /// What it needs of a worker: what its sweep asks for, and what follows from the job itself.
    package var needs: RequirementSpec {
        var needs = requirements
        needs.coreVersion = coreVersion
        // The core computes on the CPU.
        if needs.gpus == 0, trainer.isCore { needs.leavesGPUs = true }
        return needs
    }
}

/// An input by its content, and where it lay when the sweep was launched (true on a shared file system only).
package struct ResolvedInput: Codable, Hashable, Sendable {
    package var path: String
    package var digest: ContentDigest
    /// See `InputReference.generations`.
    package var generations: InputGenerations?

    package init(path: String, digest: ContentDigest, generations: InputGenerations? = nil) {
        self.path = path
        self.digest = digest
        self.generations = generations
    }
}

extension SweepDefinition {
    /// The plan's jobs as workers get them, in the plan's order.
    ///
    /// - Throws: `SweepModelError` naming an input that has no digest: such a job cannot be identified, so
    ///   not be run.
    package func resolvedJobs(_ plan: SweepPlan) throws(SweepModelError) -> [ResolvedJob] {
        let base = try Self.resolved(base, "base")
        let data = try Self.resolved(data, "data")
        let regData = try Self.resolved(regData, "reg_data")
        let clip = try Self.resolved(clip, "evaluate.clip")
        return plan.jobs.map { job in
            let configuration = plan.configurations[job.configuration]
            return ResolvedJob(
                id: job.id, configuration: configuration.id, sweep: name, group: configuration.group, trainer: trainer,
                given: configuration.given, parameters: configuration.parameters, seed: job.seed, base: base,
                data: data,
                regData: regData, clip: clip, checkpoints: configuration.checkpoints, evaluation: evaluation,
                requirements: requirements, retries: retries, timeoutSeconds: timeoutSeconds, retention: retention,
                priority: priority)
        }
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
