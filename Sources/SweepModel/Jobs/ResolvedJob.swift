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
    /// `{name}` of its trainer (`JobNames`); nil where the trainer does not ask for it.
    package var name: String?
    package var trainer: TrainerSpec
    /// Exactly what the sweep file set.
    package var given: [String: ParameterValue]
    /// What is trained, defaults filled in (the same as `given` for a command).
    package var parameters: [String: ParameterValue]
    package var seed: Int
    package var base: ResolvedInput?
    package var data: ResolvedInput?
    package var regData: ResolvedInput?
    /// Encoders named for the evaluation. Jobs of earlier programs know one alone, and read and write as
    /// before.
    private var clip: ResolvedInput?
    private var otherEncoders: [EncoderRole: ResolvedInput]?
    package var checkpoints: CheckpointPlan?
    package var evaluation: EvaluationSpec?
    package var requirements: RequirementSpec
    package var retries: RetrySpec
    package var timeoutSeconds: Double?
    package var retention: RetentionPolicy
    package var priority: Int
    /// What an evaluation is of; nil for every other kind.
    package var subject: EvaluatedCheckpoint?
    /// When it has trained enough; nil for a job that trains to its end.
    package var stopRule: StopRule?
    /// The job that it was made of; nil for one that a sweep file asks for.
    package var origin: JobOrigin?
    /// What it sets when memory ran out; nil for the same values again.
    package var onOOM: OutOfMemoryFallback?
    /// What an earlier program named it by, where that is something else; in no JSON.
    package var former: JobIdentity?

    package init(
        id: JobID, kind: JobKind = .train, configuration: ConfigurationID, sweep: SweepName, group: String,
        name: String? = nil, trainer: TrainerSpec,
        given: [String: ParameterValue], parameters: [String: ParameterValue], seed: Int, base: ResolvedInput? = nil,
        data: ResolvedInput? = nil, regData: ResolvedInput? = nil,
        encoders: [EncoderRole: ResolvedInput] = [:],
        checkpoints: CheckpointPlan? = nil,
        evaluation: EvaluationSpec? = nil, requirements: RequirementSpec = RequirementSpec(),
        retries: RetrySpec = RetrySpec(), timeoutSeconds: Double? = nil, retention: RetentionPolicy = RetentionPolicy(),
        priority: Int = 0, subject: EvaluatedCheckpoint? = nil, stopRule: StopRule? = nil,
        onOOM: OutOfMemoryFallback? = nil
    ) {
        self.onOOM = onOOM
        self.id = id
        otherKind = kind == .train ? nil : kind
        self.configuration = configuration
        self.sweep = sweep
        self.group = group
        self.name = name
        self.trainer = trainer
        self.given = given
        self.parameters = parameters
        self.seed = seed
        self.base = base
        self.data = data
        self.regData = regData
        self.checkpoints = checkpoints
        self.evaluation = evaluation
        self.requirements = requirements
        self.retries = retries
        self.timeoutSeconds = timeoutSeconds
        self.retention = retention
        self.priority = priority
        self.subject = subject
        self.stopRule = stopRule
        self.encoders = encoders
    }

    /// What the job does.
    package var kind: JobKind { otherKind ?? .train }

    private enum CodingKeys: String, CodingKey {
        case id, configuration, sweep, group, name, trainer, given, parameters, seed, base, data, regData, clip,
            checkpoints
        case evaluation, requirements, retries, timeoutSeconds, retention, priority, subject, stopRule, origin,
            onOOM
        case otherKind = "kind"
        case otherEncoders = "encoders"
    }

    /// Encoders named for the evaluation, besides the base's own.
    package var encoders: [EncoderRole: ResolvedInput] {
        get {
            var all = otherEncoders ?? [:]
            all[.clip] = clip
            return all
        }
        set {
            clip = newValue[.clip]
            let others = newValue.filter { $0.key != .clip }
            otherEncoders = others.isEmpty ? nil : others
        }
    }

    package var inputs: [ResolvedInput] {
        [base, data, regData].compactMap { $0 } + EncoderRole.allCases.compactMap { encoders[$0] }
    }

    /// The version of the core that its id names, and that a worker must know; nil where the core has no part
    /// in it.
    package var coreVersion: String? {
        JobIdentity.coreVersion(
            kind: kind, trainer: trainer, evaluation: evaluation,
            inputs: .newest([base, data, regData, clip].map { $0?.generations }),
            resolution: parameters["resolution"], goesOn: origin?.start != nil)
    }

    /// The oldest generation of workers that run it as it is meant. An older one would take no notice of what
    /// it does not know: train to the end, log nothing, start without what was to be made before.
    private var workerGeneration: Int? {
        var generation = stopRule == nil ? 0 : 4
        if let trainer = trainer.command {
            let isYoung =
                trainer.metrics.contains { $0.kind != .jsonl } || trainer.config != nil || trainer.done != nil
                || trainer.clean != nil || trainer.values != nil
                || (trainer.command + trainer.resume).contains { $0.condition != nil }
            if isYoung { generation = max(generation, 4) }
            let isYoungest =
                trainer.prepare != nil || trainer.restore != nil || trainer.remainder != nil
                || trainer.stop.file != nil || trainer.stop.sqlite != nil || trainer.stop.exits != nil
                || trainer.files.contains { $0.isForResume != nil } || trainer.metrics.contains { $0.under != nil }
                || trainer.checkpoints.contains { $0.with != nil || $0.isEpochOfAttempt != nil }
                || (trainer.command + trainer.resume).contains { $0.condition?.hasPrefix("!") == true }
            if isYoungest || kind == .prepare { generation = 5 }
        }
        return generation == 0 ? nil : generation
    }

    /// What it needs of a worker: what its sweep asks for, and what follows from the job itself.
    package var needs: RequirementSpec {
        var needs = requirements
        needs.coreVersion = JobIdentity.coreVersion(
            kind: kind, trainer: trainer, evaluation: evaluation,
            inputs: .newest([base, data, regData, clip].map { $0?.generations }),
            resolution: parameters["resolution"], goesOn: origin?.start != nil, atLeast: workerGeneration)
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
