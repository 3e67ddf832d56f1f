import Ports
package import RunSpec

/// What an evaluation job measures: a checkpoint of a trained job, or images that its trainer made.
package struct EvaluatedCheckpoint: Codable, Equatable, Sendable {
    /// The trained job.
    package var job: JobID
    /// Whose adapter is drawn with; without files where only `images` are measured.
    package var checkpoint: StoredCheckpoint
    /// What the trainer made itself.
    package var images: [BlobFile]

    package init(job: JobID, checkpoint: StoredCheckpoint, images: [BlobFile] = []) {
        self.job = job
        self.checkpoint = checkpoint
        self.images = images
    }

    /// The content that is measured, for an id.
    var identity: ParameterValue {
        .list((checkpoint.files + images).map { .text($0.sha256) })
    }
}

extension ResolvedJob {
    /// The job that evaluates a checkpoint of this one.
    ///
    /// Its id is that of (checkpoint, protocol): the content of the files, the inputs, how is drawn and
    /// measured; of the core also the parameters and the seed, which decide resolution and held-out pictures.
    ///
    /// - Parameters:
    ///   - spec: how; its holdout is that of the training, whatever it says.
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func evaluation(
        of subject: EvaluatedCheckpoint, by spec: EvaluationSpec
    ) throws(SweepModelError) -> ResolvedJob {
        var spec = spec
        spec.holdout = evaluation?.holdout
        let draws = !subject.checkpoint.files.isEmpty
        var parameters = trainer.isCore ? self.parameters : [:]
        parameters["checkpoint"] = subject.identity
        parameters["protocol"] = .text(try spec.digest(encoders: encoders.mapValues(\.digest)).text)
        let identity = try JobIdentity(
            kind: .evaluate, trainer: .core, parameters: parameters, checkpoints: nil, evaluation: spec,
            base: draws ? base?.reference : nil,
            data: draws ? data?.reference : nil)
        var requirements = requirements
        if !trainer.isCore { requirements = RequirementSpec() }
        requirements.coreVersion = nil
        return ResolvedJob(
            id: identity.job(seed: seed), kind: .evaluate, configuration: identity.configuration, sweep: sweep,
            group: "evaluate", trainer: .core, given: given, parameters: trainer.isCore ? self.parameters : [:],
            seed: seed, base: draws ? base : nil, data: draws ? data : nil,
            encoders: draws ? encoders : [:],
            evaluation: spec, requirements: requirements, retries: retries, priority: priority, subject: subject)
    }
}
