package import RunSpec

/// A sweep file, decoded and held to be possible: everything it says, nothing expanded yet.
package struct SweepDefinition: Equatable, Sendable {
    package var name: SweepName
    package var trainer: TrainerSpec
    package var base: InputReference?
    package var data: InputReference?
    package var regData: InputReference?
    /// Encoders named for the evaluation, besides the base's own.
    package var encoders: [EncoderRole: InputReference]
    /// Every configuration runs with each, unless it sets `seed` itself.
    package var seeds: [Int]
    /// nil where the file has none: the core then saves the final checkpoint only.
    package var checkpoints: CheckpointPlan?
    package var defaults: [String: ParameterValue]
    package var evaluation: EvaluationSpec?
    /// What is known of metrics and what the best is chosen by; decides no job.
    package var metrics: [MetricDeclaration]
    /// Programs that measure what is trained; they decide no job.
    package var external: [ExternalMetric] = []
    /// When a job has trained enough; nil for training to the end.
    package var stopRule: StopRule?
    /// What a job sets when it ran out of memory; nil for the same values again.
    package var onOOM: OutOfMemoryFallback?
    /// What it may take; decides no job.
    package var budget: SweepBudget?
    package var groups: [SweepGroup]
    package var requirements: RequirementSpec
    package var retries: RetrySpec
    package var timeoutSeconds: Double?
    package var retention: RetentionPolicy
    /// Higher goes first.
    package var priority: Int

    /// All inputs there are, in a fixed order.
    package var inputs: [InputReference] {
        [base, data, regData].compactMap { $0 } + EncoderRole.allCases.compactMap { encoders[$0] }
    }

    package init(
        name: SweepName, trainer: TrainerSpec, base: InputReference? = nil, data: InputReference? = nil,
        regData: InputReference? = nil, encoders: [EncoderRole: InputReference] = [:], seeds: [Int] = [0],
        checkpoints: CheckpointPlan? = nil,
        defaults: [String: ParameterValue] = [:], evaluation: EvaluationSpec? = nil,
        metrics: [MetricDeclaration] = [], groups: [SweepGroup],
        requirements: RequirementSpec = RequirementSpec(), retries: RetrySpec = RetrySpec(),
        timeoutSeconds: Double? = nil,
        retention: RetentionPolicy = RetentionPolicy(), priority: Int = 0
    ) {
        self.name = name
        self.trainer = trainer
        self.base = base
        self.data = data
        self.regData = regData
        self.encoders = encoders
        self.seeds = seeds
        self.checkpoints = checkpoints
        self.defaults = defaults
        self.evaluation = evaluation
        self.metrics = metrics
        self.groups = groups
        self.requirements = requirements
        self.retries = retries
        self.timeoutSeconds = timeoutSeconds
        self.retention = retention
        self.priority = priority
    }

    /// What its trained jobs are measured by beside what their trainer measures; nil for nothing.
    package var externalEvaluation: EvaluationSpec? {
        guard !external.isEmpty else { return nil }
        var spec = evaluation ?? .standard
        spec.metrics = []
        spec.external = external
        return spec
    }
}
