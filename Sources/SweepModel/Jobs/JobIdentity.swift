package import Ports
package import RunSpec

/// What decides a job's result, apart from its seed, in canonical form. The digest of all of it is the job's
/// id.
///
/// SHA-256 of the RFC 8785 JSON of `{v, coreVersion, trainer, parameters, seed, checkpoints, evaluate, base,
/// data}` (`regData` too where there is one, `evaluate.clip` where encoders are named, `evaluate.holdout`
/// where a share of the pictures is held out, and `kind` where the job does not train). Threads, labels,
/// priority, retries, retention and the interval of training states are not in it.
package struct JobIdentity: Equatable, Sendable {
    /// Version of the layout below.
    package static let version = 1
    /// The canonical text before and after the seed's value.
    private let head: String
    private let tail: String
    package let configuration: ConfigurationID

    /// - Parameters:
    ///   - kind: what the job does; training is not named, so that ids of earlier programs stay.
    ///   - parameters: resolved ones for the core, those of the sweep file for a command.
    ///   - checkpoints: trimmed to the job's epochs.
    ///   - clip: the encoders that the sweep file names for the evaluation; nil for the base's own.
    /// - Throws: `SweepModelError` for a number that is not finite.
    package init(
        kind: JobKind = .train, trainer: TrainerSpec, parameters: [String: ParameterValue],
        checkpoints: CheckpointPlan?,
        evaluation: EvaluationSpec?, base: InputReference?, data: InputReference?, regData: InputReference? = nil,
        clip: InputReference? = nil
    ) throws(SweepModelError) {
        let frame = try JobIdentityFrame(
            kind: kind, trainer: trainer, evaluation: evaluation, base: base, data: data, regData: regData, clip: clip)
        try self.init(frame, parameters: parameters, checkpoints: checkpoints)
    }

    /// The same within a sweep, where only these two differ from point to point.
    init(
        _ frame: JobIdentityFrame, parameters: [String: ParameterValue], checkpoints: CheckpointPlan?
    ) throws(SweepModelError) {
        let start = try frame.head(parameters: parameters, checkpoints: checkpoints)
        tail = frame.tail
        head = start + ",\"seed\":"
        configuration = ConfigurationID(ContentDigest.of(start + tail))
    }

    /// The canonical text of the job with this seed.
    package func text(seed: Int) -> String { head + String(seed) + tail }

    /// The id of the job with this seed.
    package func job(seed: Int) -> JobID { JobID(ContentDigest.of(text(seed: seed))) }
}

extension InputReference {
    /// The content's digest; where nothing is there yet, the path's text, which makes the id provisional.
    var identity: ParameterValue {
        if let digest { return .text(digest.text) }
        return ["path": .text(written)]
    }
}

extension CheckpointPlan {
    var identity: ParameterValue {
        ["epochs": .list(epochs.map { .number(Double($0)) }), "steps": .list(steps.map { .number(Double($0)) })]
    }
}

extension EvaluationSpec {
    package var identity: ParameterValue { identity(clip: nil) }

    /// - Parameter clip: what stands for the named encoders; left out where none are named.
    func identity(clip: ParameterValue?) -> ParameterValue {
        var content: [String: ParameterValue] = [
            // In the fixed order of the types: the order in the file decides nothing.
            "prompts": .list(PromptType.choices.filter(prompts.contains).map { .text($0.rawValue) }),
            "images": .number(Double(images)), "sampler": .text(sampler), "steps": .number(Double(steps)),
            "guidance": .number(guidance),
        ]
        if let clip { content["clip"] = clip }
        if let holdout { content["holdout"] = .number(holdout) }
        return .map(content)
    }

    /// Names the protocol: evaluations by different protocols are never mixed.
    ///
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func digest() throws(SweepModelError) -> ContentDigest {
        ContentDigest.of(try CanonicalJSON.text(identity))
    }
}

extension CommandTrainer.MetricSource {
    /// The step's name is younger than the rest: at its default it is not there.
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = ["kind": .text(kind.rawValue), "path": .text(path)]
        if let step, step != "step" { content["step"] = .text(step) }
        return .map(content)
    }
}

extension CommandTrainer.CheckpointRule {
    /// How a number is read is younger than the rest.
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = [
            "glob": .text(glob), "step": step.map { .text($0) } ?? .null, "kind": .text(kind.rawValue),
        ]
        if let epoch { content["epoch"] = .text(epoch) }
        if let stepField { content["stepField"] = stepField.identity }
        if isStepOfAttempt == true { content["stepBase"] = "attempt" }
        if let epochField { content["epochField"] = epochField.identity }
        return .map(content)
    }
}

extension CommandTrainer.NumberField {
    fileprivate var identity: ParameterValue {
        ["file": file.map { .text($0) } ?? .null, "key": .text(key), "base": .flag(isOfAttempt)]
    }
}

extension CommandTrainer.ConfigRule {
    /// The file by the digest of its content, not by its name.
    fileprivate var identity: ParameterValue {
        [
            "sources": .list(sources.map { .text(ContentDigest.of($0.content).text) }), "to": .text(targetPath),
            "flat": .flag(isFlat), "pairs": .list(pairs.map { .text($0) }),
            "set": .list(
                set.map { ["path": .text($0.path), "value": $0.value, "default": .flag($0.isDefault)] }),
        ]
    }
}

extension TrainerSpec {
    /// A command contributes what it is told, not what its scripts hold.
    var identity: ParameterValue {
        guard let trainer = command else { return "core" }
        func texts(_ items: [String]) -> ParameterValue { .list(items.map { .text($0) }) }
        func arguments(_ items: [CommandArgument]) -> ParameterValue {
            .list(
                items.map { item in
                    item.condition.map { ["when": .text($0), "text": .text(item.text)] } ?? .text(item.text)
                })
        }
        var content: [String: ParameterValue] = [
            "command": arguments(trainer.command),
            "resume": arguments(trainer.resume),
            "files": .list(trainer.files.map { ["to": .text($0.to), "content": .text($0.content)] }),
            "env": .map(trainer.env.filter { !Self.isSecret($0.key) }.mapValues { .text($0) }),
            "metrics": .list(trainer.metrics.map(\.identity)),
            "checkpoints": .list(trainer.checkpoints.map(\.identity)),
            "samples": texts(trainer.samples.map(\.glob)),
            "evaluate": trainer.evaluate.map(texts) ?? .null,
        ]
        // Younger than the rest: not there where nothing says them.
        if let config = trainer.config { content["config"] = config.identity }
        if let values = trainer.values, !values.isEmpty { content["values"] = .map(values.mapValues { .text($0) }) }
        return .map(content)
    }

    /// Environment variables that look like credentials: they change without changing the job.
    package static func isSecret(_ variable: String) -> Bool {
        let name = variable.uppercased()
        return [
            "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY",
        ]
        .contains { name.contains($0) }
    }
}
