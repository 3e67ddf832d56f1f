package import Ports
package import RunSpec

/// What decides a job's result, apart from its seed, in canonical form. The digest of all of it is the job's
/// id.
///
/// SHA-256 of the RFC 8785 JSON of `{v, coreVersion, trainer, parameters, seed, checkpoints, evaluate,
/// base, data}` (`regData` too where there is one, `evaluate.clip` where encoders are named,
/// `evaluate.holdout` where a share of the pictures is held out, `kind` where the job does not train (of an
/// edit `evaluate` is the named encoders alone),
/// `stopWhen` where a rule ends it early, `onOOM` where it falls back when memory runs out, and `from` and
/// `state` where it was made of another job: its configuration, and the training state that it goes on
/// from). Threads, labels, priority, retries, retention and the interval of training states are not in it.
///
/// Of `evaluate` a training that a sweep file asks for has `holdout` alone (``Rule/training``): how it is
/// measured decides nothing of what is trained. Ids of earlier programs have all of it
/// (docs/decisions/0017).
package struct JobIdentity: Equatable, Sendable {
    /// How much of the evaluation is part of an identity.
    package enum Rule: Equatable, Sendable {
        /// What is drawn and how, and the encoders: of evaluations, of jobs made of others, and of trainings
        /// of earlier programs.
        case whole
        /// Only what leaves the training set.
        case training
    }

    /// Version of the layout below.
    package static let version = 1
    /// The canonical text before and after the seed's value.
    private let head: String
    private let tail: String
    /// What stands between the two: of one job alone, not of its configuration.
    private let state: String
    package let configuration: ConfigurationID

    /// - Parameters:
    ///   - rule: what of the evaluation is part of it.
    ///   - kind: what the job does; training is not named, so that ids of earlier programs stay.
    ///   - parameters: resolved ones for the core, those of the sweep file for a command.
    ///   - checkpoints: trimmed to the job's epochs.
    ///   - clip: the encoders that the sweep file names for the evaluation; nil for the base's own.
    ///   - origin: the job that it was made of.
    ///   - encoders: all that the sweep file names; they decide what an edit leaves, and are in its id alone.
    /// - Throws: `SweepModelError` for a number that is not finite.
    package init(
        _ rule: Rule = .whole, kind: JobKind = .train, trainer: TrainerSpec, parameters: [String: ParameterValue],
        checkpoints: CheckpointPlan?,
        evaluation: EvaluationSpec?, base: InputReference?, data: InputReference?, regData: InputReference? = nil,
        clip: InputReference? = nil, origin: JobOrigin? = nil, stopRule: StopRule? = nil,
        onOOM: OutOfMemoryFallback? = nil, encoders: [EncoderRole: InputReference] = [:]
    ) throws(SweepModelError) {
        let frame = try JobIdentityFrame(
            rule, kind: kind, trainer: trainer, evaluation: evaluation, base: base, data: data, regData: regData,
            clip: clip, origin: origin, stopRule: stopRule, onOOM: onOOM, encoders: encoders)
        try self.init(frame, parameters: parameters, checkpoints: checkpoints)
    }

    /// The same within a sweep, where only these two differ from point to point.
    init(
        _ frame: JobIdentityFrame, parameters: [String: ParameterValue], checkpoints: CheckpointPlan?
    ) throws(SweepModelError) {
        let start = try frame.head(parameters: parameters, checkpoints: checkpoints)
        tail = frame.tail
        state = frame.state
        head = start + ",\"seed\":"
        configuration = ConfigurationID(ContentDigest.of(start + tail))
    }

    /// The canonical text of the job with this seed.
    package func text(seed: Int) -> String { head + String(seed) + state + tail }

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

extension JobOrigin {
    /// Of the configuration: seeds of one configuration that are extended alike are one configuration again.
    var identity: ParameterValue {
        var content: [String: ParameterValue] = [
            "configuration": .text(configuration.text), "how": .text(way.rawValue),
        ]
        if let start {
            content["epochs"] = .number(Double(start.epochs))
            content["step"] = .number(Double(start.step))
        }
        return .map(content)
    }
}

extension CheckpointPlan {
    var identity: ParameterValue {
        ["epochs": .list(epochs.map { .number(Double($0)) }), "steps": .list(steps.map { .number(Double($0)) })]
    }
}

extension EvaluationSpec {
    /// Its part in a training job's id.
    ///
    /// - Parameter clip: what stands for the named pair; left out where none is named. Other encoders,
    ///   chosen metrics and how pictures are fitted decide nothing of the training.
    func identity(clip: ParameterValue?) -> ParameterValue {
        .map(drawn(clip: clip))
    }

    /// Everything that decides an evaluation's figures.
    ///
    /// - Parameter encoders: what stands for each named one.
    package func content(encoders: [EncoderRole: ParameterValue] = [:]) -> ParameterValue {
        var content = drawn(clip: encoders[.clip])
        for (role, value) in encoders { content[role.rawValue] = value }
        if let metrics { content["metrics"] = .list(Set(metrics).sorted().map { .text($0) }) }
        if let fit { content["fit"] = .text(fit.rawValue) }
        if let external { content["external"] = .list(external.map(\.identity)) }
        if let fresh { content["fresh"] = .number(Double(fresh)) }
        return .map(content)
    }

    private func drawn(clip: ParameterValue?) -> [String: ParameterValue] {
        var content: [String: ParameterValue] = [
            // In the fixed order of the types: the order in the file decides nothing.
            "prompts": .list(PromptType.choices.filter(prompts.contains).map { .text($0.rawValue) }),
            "images": .number(Double(images)), "sampler": .text(sampler), "steps": .number(Double(steps)),
            "guidance": .number(guidance),
        ]
        if let clip { content["clip"] = clip }
        if let holdout { content["holdout"] = .number(holdout) }
        if let imageGuidance { content["image_guidance"] = .number(imageGuidance) }
        if let promptSet, promptSet != .plain { content["prompt_set"] = .text(promptSet.rawValue) }
        return content
    }

    /// Names the protocol: evaluations by different protocols are never mixed.
    ///
    /// - Parameter encoders: the content of each named one.
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func digest(encoders: [EncoderRole: ContentDigest] = [:]) throws(SweepModelError) -> ContentDigest {
        ContentDigest.of(try CanonicalJSON.text(content(encoders: encoders.mapValues { .text($0.text) })))
    }
}

extension StopRule {
    var identity: ParameterValue {
        [
            "metric": .text(metric), "better": .text(better.rawValue), "patience": .number(Double(patience)),
            "minDelta": .number(minDelta), "after": .number(Double(after)),
        ]
    }
}

extension ExternalMetric {
    /// A program contributes what it is told, not what its scripts hold.
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = [
            "name": .text(name), "command": .list(command.map { .text($0) }),
            "env": .map((env ?? [:]).filter { !TrainerSpec.isSecret($0.key) }.mapValues { .text($0) }),
        ]
        if let version { content["version"] = .text(version) }
        return .map(content)
    }
}

extension CommandTrainer.MetricSource {
    /// What is younger than kind and path is not there at its default.
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = ["kind": .text(kind.rawValue), "path": .text(path)]
        if let step, step != "step" { content["step"] = .text(step) }
        if let base { content["base"] = .text(base.rawValue) }
        if let map, !map.isEmpty { content["map"] = .map(map.mapValues { .text($0) }) }
        if let epochs { content["epochs"] = .list(epochs.map { .text($0) }) }
        if let pattern { content["pattern"] = .text(pattern) }
        if let table { content["table"] = .text(table) }
        if let under { content["under"] = .text(under) }
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
        if isEpochOfAttempt == true { content["epochBase"] = "attempt" }
        if let with { content["with"] = .list(with.map { .text($0) }) }
        return .map(content)
    }
}

extension CommandTrainer.TemplateFile {
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = ["to": .text(to), "content": .text(self.content)]
        if isForResume == true { content["resume"] = true }
        return .map(content)
    }
}

extension CommandTrainer.NumberField {
    fileprivate var identity: ParameterValue {
        var content: [String: ParameterValue] = [
            "file": file.map { .text($0) } ?? .null, "key": .text(key), "base": .flag(isOfAttempt),
        ]
        if let beside { content["beside"] = .list(beside.map { .text($0) }) }
        return .map(content)
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

extension CommandArgument {
    fileprivate var identity: ParameterValue {
        condition.map { ["when": .text($0), "text": .text(text)] } ?? .text(text)
    }
}

extension CommandTrainer.PrepareRule {
    /// Where it is made decides nothing.
    fileprivate var identity: ParameterValue {
        [
            "name": .text(placeholder), "command": .list(command.map(\.identity)),
            "files": .list(files.map { ["to": .text($0.to), "content": .text($0.content)] }),
            "env": .map(env.filter { !TrainerSpec.isSecret($0.key) }.mapValues { .text($0) }),
        ]
    }
}

extension TrainerSpec {
    /// A command contributes what it is told, not what its scripts hold.
    var identity: ParameterValue {
        guard let trainer = command else { return "core" }
        func texts(_ items: [String]) -> ParameterValue { .list(items.map { .text($0) }) }
        func arguments(_ items: [CommandArgument]) -> ParameterValue { .list(items.map(\.identity)) }
        var content: [String: ParameterValue] = [
            "command": arguments(trainer.command),
            "resume": arguments(trainer.resume),
            "files": .list(trainer.files.map(\.identity)),
            "env": .map(trainer.env.filter { !Self.isSecret($0.key) }.mapValues { .text($0) }),
            "metrics": .list(trainer.metrics.map(\.identity)),
            "checkpoints": .list(trainer.checkpoints.map(\.identity)),
            "samples": texts(trainer.samples.map(\.glob)),
            "evaluate": trainer.evaluate.map(texts) ?? .null,
        ]
        // Younger than the rest: not there where nothing says them.
        if let config = trainer.config { content["config"] = config.identity }
        if let values = trainer.values, !values.isEmpty { content["values"] = .map(values.mapValues { .text($0) }) }
        if let restore = trainer.restore { content["restore"] = .text(restore) }
        if let remainder = trainer.remainder {
            let pairs = remainder.map { ($0.path, ParameterValue.text($0.counter.rawValue)) }
            content["remainder"] = .map(Dictionary(pairs) { _, last in last })
        }
        if let prepare = trainer.prepare { content["prepare"] = .list(prepare.map(\.identity)) }
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
