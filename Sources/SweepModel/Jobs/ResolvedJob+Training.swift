package import RunSpec

extension ResolvedJob {
    /// What the core needs to train the job with its inputs at these places on this machine.
    ///
    /// - Throws: `RunSpecError` if the stored parameters make no training.
    package func trainingJob(
        base: String, data: String, regData: String? = nil, encoders: [EncoderRole: String] = [:]
    ) throws(RunSpecError) -> TrainingJob {
        TrainingJob(
            job: id.text, base: base, data: data, regData: regData,
            training: try TrainingSpec(resolved: parameters, seed: seed), checkpoints: checkpoints ?? CheckpointPlan(),
            evaluation: evaluation, encoders: encoders,
            origin: origin.flatMap { origin in
                origin.start.map { TrainingJob.Origin(job: origin.job.text, epochs: $0.epochs) }
            })
    }

    /// The same of a job that edits pictures.
    ///
    /// - Throws: `RunSpecError` if the stored parameters make no edit.
    package func editTask(
        base: String, data: String, encoders: [EncoderRole: String] = [:]
    ) throws(RunSpecError) -> EditTask {
        EditTask(
            job: id.text, base: base, data: data, encoders: encoders, edit: try EditSpec(resolved: parameters),
            seed: seed)
    }

    /// What `{job}` names for the job's trainer: a task for the core (`TrainerTask`), a sweep file that
    /// expands to this job alone for a program.
    ///
    /// - Parameters:
    ///   - base: where the base model lies on this machine; likewise the other inputs.
    ///   - out: the attempt folder.
    ///   - resume: a checkpoint folder with a training state to go on from.
    /// - Throws: `SweepModelError` for a job that cannot be trained as it is stored, or a number that is not
    ///   finite.
    package func trainerFile(
        base: String?, data: String?, regData: String?, encoders: [EncoderRole: String], out: String,
        resume: String?
    ) throws(SweepModelError) -> String {
        if let subject {
            return try evaluationFile(subject, base: base, data: data, encoders: encoders, out: out)
        }
        guard trainer.isCore else {
            return try jobFile(base: base, data: data, regData: regData, encoders: encoders)
        }
        guard let base, let data else {
            throw SweepModelError(code: .badExpansion, message: "'base' and 'data' are needed to train or to edit")
        }
        do {
            if kind == .edit {
                let task = try editTask(base: base, data: data, encoders: encoders)
                return try TrainerTask(edit: task, out: out).text()
            }
            let job = try trainingJob(base: base, data: data, regData: regData, encoders: encoders)
            return try TrainerTask(job: job, out: out, resume: resume).text()
        } catch {
            throw SweepModelError(code: .badExpansion, message: "the job cannot be done as it is stored: \(error)")
        }
    }

    private func evaluationFile(
        _ subject: EvaluatedCheckpoint, base: String?, data: String?, encoders: [EncoderRole: String], out: String
    ) throws(SweepModelError) -> String {
        let folder = AttemptFolder(out)
        let checkpoint = subject.checkpoint
        let adapter = checkpoint.files.first.map { "\(folder.subject)/\($0.name)" }
        guard adapter == nil || (base != nil && data != nil) else {
            throw SweepModelError(
                code: .badExpansion, message: "'base' and 'data' are needed to draw with \(checkpoint.name)")
        }
        do {
            let training = parameters.isEmpty ? nil : try TrainingSpec(resolved: parameters, seed: seed)
            let task = EvaluationTask(
                job: id.text, base: base, data: data, encoders: encoders, training: training,
                evaluation: evaluation ?? .standard, seed: seed, checkpoint: checkpoint.name, epoch: checkpoint.epoch,
                step: checkpoint.step, adapter: adapter, images: subject.images.map { "\(folder.subject)/\($0.name)" })
            return try TrainerTask(evaluation: task, out: out).text()
        } catch {
            throw SweepModelError(
                code: .badExpansion, message: "the evaluation cannot be made as it is stored: \(error)")
        }
    }

    /// The job as a sweep file that expands to it alone. JSON, which is YAML.
    ///
    /// - Parameters:
    ///   - base: where the base model lies on this machine; likewise the others.
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func jobFile(
        base: String?, data: String?, regData: String? = nil, encoders: [EncoderRole: String] = [:]
    ) throws(SweepModelError) -> String {
        var file: [String: ParameterValue] = [
            "name": .text("job-\(id.short)"),
            "seeds": [.number(Double(seed))],
            "groups": [["name": .text(group), "list": [.map(trainer.isCore ? parameters : given)]]],
        ]
        if let base { file["base"] = .text(base) }
        if let data { file["data"] = .text(data) }
        if let regData { file["reg_data"] = .text(regData) }
        if let checkpoints {
            var plan: [String: ParameterValue] = ["state_every": .text("\(checkpoints.stateEverySeconds)s")]
            if !checkpoints.epochs.isEmpty { plan["epochs"] = .list(checkpoints.epochs.map { .number(Double($0)) }) }
            if !checkpoints.steps.isEmpty { plan["steps"] = .list(checkpoints.steps.map { .number(Double($0)) }) }
            file["checkpoints"] = .map(plan)
        }
        if let evaluation { file["evaluate"] = evaluation.content(encoders: encoders.mapValues { .text($0) }) }
        return try CanonicalJSON.text(.map(file)) + "\n"
    }
}
