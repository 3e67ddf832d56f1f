import RunSpec

/// The parts of the canonical text of `JobIdentity` that are the same for all points of a sweep, rendered
/// once: a large sweep would render its command a million times.
///
/// Keys stand in their order: base, checkpoints, coreVersion, data, evaluate, from, kind, onOOM, parameters,
/// regData, seed, state, stopWhen, trainer, v.
struct JobIdentityFrame {
    private let beforeCheckpoints: String
    private let beforeParameters: String
    private let afterParameters: String
    private let kind: JobKind
    private let trainer: TrainerSpec
    private let evaluation: EvaluationSpec?
    private let generations: InputGenerations?
    /// From behind the seed on.
    let tail: String
    /// Between the seed and the tail.
    let state: String
    private let goesOn: Bool

    /// - Parameter rule: what of the evaluation is part of it.
    /// - Throws: `SweepModelError` for a number that is not finite.
    init(
        _ rule: JobIdentity.Rule = .whole, kind: JobKind = .train, trainer: TrainerSpec, evaluation: EvaluationSpec?,
        base: InputReference?,
        data: InputReference?,
        regData: InputReference?, clip: InputReference?, origin: JobOrigin? = nil, stopRule: StopRule? = nil,
        onOOM: OutOfMemoryFallback? = nil, encoders: [EncoderRole: InputReference] = [:]
    ) throws(SweepModelError) {
        self.kind = kind
        goesOn = origin?.start != nil
        state = origin?.start.map { ",\"state\":\"\($0.state)\"" } ?? ""
        self.trainer = trainer
        let measured: ParameterValue?
        switch rule {
        case _ where kind == .edit:
            self.evaluation = nil
            generations = .newest([base].map { $0?.generations })
            let named = encoders.map { ($0.key.rawValue, $0.value.identity) }
            measured = named.isEmpty ? nil : .map(Dictionary(named) { first, _ in first })
        case .whole:
            self.evaluation = evaluation
            generations = .newest([base, data, regData, clip].map { $0?.generations })
            measured = evaluation?.identity(clip: clip?.identity)
        case .training:
            self.evaluation = evaluation?.holdout.map { EvaluationSpec(holdout: $0) }
            generations = .newest([base, data, regData].map { $0?.generations })
            measured = evaluation?.holdout.map { ["holdout": .number($0)] }
        }
        beforeCheckpoints = "{\"base\":" + (try CanonicalJSON.text(base?.identity ?? .null)) + ",\"checkpoints\":"
        beforeParameters =
            ",\"data\":" + (try CanonicalJSON.text(data?.identity ?? .null)) + ",\"evaluate\":"
            + (try CanonicalJSON.text(measured ?? .null))
            + (try origin.map { origin throws(SweepModelError) in
                ",\"from\":" + (try CanonicalJSON.text(origin.identity))
            } ?? "")
            + (kind == .train ? "" : ",\"kind\":\"\(kind.rawValue)\"")
            + (try onOOM.map { rule throws(SweepModelError) in
                ",\"onOOM\":" + (try CanonicalJSON.text(rule.identity))
            } ?? "") + ",\"parameters\":"
        var after = ""
        if let regData { after = ",\"regData\":" + (try CanonicalJSON.text(regData.identity)) }
        afterParameters = after
        var ending = ""
        if let stopRule { ending = ",\"stopWhen\":" + (try CanonicalJSON.text(stopRule.identity)) }
        tail =
            ending + ",\"trainer\":" + (try CanonicalJSON.text(trainer.identity)) + ",\"v\":"
            + (try CanonicalJSON.text(.number(Double(JobIdentity.version)))) + "}"
    }

    /// Up to the seed.
    func head(
        parameters: [String: ParameterValue], checkpoints: CheckpointPlan?
    ) throws(SweepModelError) -> String {
        // A program's result owes nothing to the core, unless the core evaluates it.
        let coreVersion = JobIdentity.coreVersion(
            kind: kind, trainer: trainer, evaluation: evaluation, inputs: generations,
            resolution: parameters["resolution"], goesOn: goesOn)
        return beforeCheckpoints + (try CanonicalJSON.text(checkpoints?.identity ?? .null)) + ",\"coreVersion\":"
            + (try CanonicalJSON.text(coreVersion.map { .text($0) } ?? .null)) + beforeParameters
            + (try CanonicalJSON.text(.map(parameters))) + afterParameters
    }
}
