import ConfigText
import RunSpec
import SweepModel

/// Which files are checkpoints, how a program is stopped, and what proves that it is done.
extension SweepFileDecoder {
    /// `when: resume`, the only one.
    enum ResumeOnly: String, CaseIterable { case resume }

    mutating func checkpointRule(_ node: YAMLNode) -> CommandTrainer.CheckpointRule? {
        let known = entries(
            node, of: "an entry of checkpoints",
            keys: ["glob", "step", "epoch", "kind", "complete", "quiet", "with"])
        guard let glob = known["glob"] else {
            refuse(node.mark, "an entry of checkpoints needs a 'glob'")
            return nil
        }
        let (step, stepField, isOfAttempt) = number(known["step"], "step")
        let (epoch, epochField, isEpochOfAttempt) = number(known["epoch"], "epoch")
        let kind = known["kind"].map { choice($0.value, "kind", CommandTrainer.CheckpointRule.Kind.self) } ?? .adapter
        let marker = known["complete"].flatMap { self.marker($0.value) }
        let quiet = known["quiet"].flatMap { self.seconds($0.value, "quiet") }
        guard let path = text(glob.value, "glob"), let kind else { return nil }
        var rule = CommandTrainer.CheckpointRule(
            glob: path, step: step, epoch: epoch, stepField: stepField, epochField: epochField,
            isStepOfAttempt: isOfAttempt ? true : nil, kind: kind, complete: marker, quiet: quiet)
        rule.isEpochOfAttempt = isEpochOfAttempt ? true : nil
        if let with = known["with"] {
            rule.with = (sequence(with.value, "with") ?? []).compactMap { self.marker($0, "an entry of with") }
            if step == nil, epoch == nil {
                refuse(with.keyMark, "'with' needs a number in the name, which tells the newest match: step or epoch")
            }
        }
        return rule
    }

    private typealias NumberPlace = (pattern: String?, field: CommandTrainer.NumberField?, isOfAttempt: Bool)

    /// A number in a checkpoint's name, by a regular expression, or inside it: `{json: FILE, key: K}` in a
    /// folder, `{header: K}` of a safetensors file, also of the one beside it (`beside: [ENDING, OTHER]`).
    /// `{name: EXPRESSION}` is the first in a longer form; `base: attempt` says that it counts anew in each
    /// attempt.
    private mutating func number(_ entry: YAMLEntry?, _ what: String) -> NumberPlace {
        guard let entry else { return (nil, nil, false) }
        guard case .mapping = entry.value.content else { return (pattern(entry.value, what), nil, false) }
        let known = entries(entry.value, of: what, keys: ["name", "json", "key", "header", "base", "beside"])
        let isOfAttempt = known["base"].flatMap { text($0.value, "\(what).base") } == "attempt"
        if let base = known["base"], !isOfAttempt {
            refuse(base.value.mark, "\(what).base is \(base.value.kindName); 'attempt' is the only one")
        }
        if let name = known["name"] { return (pattern(name.value, "\(what).name"), nil, isOfAttempt) }
        if let header = known["header"].flatMap({ text($0.value, "\(what).header") }) {
            let beside = known["beside"].map { entry in
                (sequence(entry.value, "\(what).beside") ?? []).compactMap { marker($0, "\(what).beside") }
            }
            if let beside, beside.count != 2, let entry = known["beside"] {
                refuse(entry.value.mark, "\(what).beside has \(beside.count) endings; wanted [-state, .safetensors]")
                return (nil, nil, false)
            }
            return (nil, CommandTrainer.NumberField(key: header, isOfAttempt: isOfAttempt, beside: beside), false)
        }
        guard let file = known["json"].flatMap({ marker($0.value) }),
            let key = known["key"].flatMap({ text($0.value, "\(what).key") })
        else {
            refuse(
                entry.value.mark,
                "\(what) needs a regular expression, {name: EXPRESSION}, {json: FILE, key: K} or {header: K}")
            return (nil, nil, false)
        }
        return (nil, CommandTrainer.NumberField(file: file, key: key, isOfAttempt: isOfAttempt), false)
    }

    private mutating func pattern(_ node: YAMLNode, _ what: String) -> String? {
        guard let pattern = text(node, what) else { return nil }
        do {
            _ = try Regex(pattern)
            if !pattern.replacing("\\(", with: "").replacing("(?", with: "").contains("(") {
                refuse(
                    node.mark,
                    "\(what) is '\(pattern)', which has no group; wanted one around the digits, as in 'ckpt-([0-9]+)'")
            }
        } catch {
            refuse(node.mark, "\(what) is '\(pattern)', which is no regular expression: \(error)")
        }
        return pattern
    }

    /// The name of a file inside a matched folder, or beside a matched file.
    private mutating func marker(_ node: YAMLNode, _ what: String = "complete") -> String? {
        guard let name = text(node, what) else { return nil }
        if name.isEmpty || name.contains("/") || name == "." || name == ".." {
            refuse(node.mark, "\(what) is '\(name)'; wanted the name of a file, as in 'complete: DONE'")
        }
        return name
    }

    mutating func stopRule(_ node: YAMLNode) -> CommandTrainer.StopRule {
        let known = entries(node, of: "stop", keys: ["signal", "grace", "wait", "file", "sqlite", "exits"])
        var rule = CommandTrainer.StopRule()
        if let signal = known["signal"].flatMap({ choice($0.value, "signal", CommandTrainer.StopRule.Signal.self) }) {
            rule.signal = signal
        }
        if let grace = known["grace"].flatMap({ self.seconds($0.value, "grace") }) { rule.graceSeconds = grace }
        rule.waitSeconds = known["wait"].flatMap { self.seconds($0.value, "wait") }
        rule.file = known["file"].flatMap { placeBelowOut($0.value, "stop.file") }
        rule.sqlite = known["sqlite"].flatMap { databaseFlag($0.value) }
        rule.exits = known["exits"].map { entry in
            (sequence(entry.value, "stop.exits") ?? []).compactMap { integer($0, "an entry of stop.exits", atLeast: 1) }
        }
        return rule
    }

    private mutating func databaseFlag(_ node: YAMLNode) -> CommandTrainer.DatabaseFlag? {
        let known = entries(node, of: "stop.sqlite", keys: ["file", "create", "save", "stop"])
        guard let file = known["file"].flatMap({ placeBelowOut($0.value, "stop.sqlite.file") }),
            let create = known["create"].flatMap({ text($0.value, "stop.sqlite.create") }),
            let stop = known["stop"].flatMap({ text($0.value, "stop.sqlite.stop") })
        else {
            refuse(node.mark, "stop.sqlite needs 'file', and the statements 'create' (its tables) and 'stop'")
            return nil
        }
        let save = known["save"].flatMap { text($0.value, "stop.sqlite.save") }
        return CommandTrainer.DatabaseFlag(file: file, create: create, save: save, stop: stop)
    }

    mutating func placeBelowOut(_ node: YAMLNode, _ what: String) -> String? {
        guard let path = text(node, what) else { return nil }
        guard path.hasPrefix("{out}/"), !path.split(separator: "/").contains("..") else {
            refuse(node.mark, "\(what) is '\(path)'; wanted a place below {out}")
            return nil
        }
        return path
    }

    /// `{max_train_epochs: epoch, max_train_steps: step}`.
    mutating func remainder(_ entry: YAMLEntry) -> [CommandTrainer.Remainder] {
        namedEntries(entry.value, "remainder").compactMap { item in
            guard let counter = choice(item.value, "remainder.\(item.key)", CommandTrainer.Remainder.Counter.self)
            else { return nil }
            guard ConfigPath(item.key) != nil else {
                refuse(item.keyMark, "remainder: '\(item.key)' is no path; wanted keys with dots and places: a.b[0].c")
                return nil
            }
            return CommandTrainer.Remainder(path: item.key, counter: counter)
        }
    }

    mutating func doneRule(_ node: YAMLNode) -> CommandTrainer.DoneRule? {
        let known = entries(node, of: "done", keys: ["file", "header", "reaches", "step", "epoch"])
        guard let file = known["file"].flatMap({ text($0.value, "done.file") }) else {
            refuse(node.mark, "done needs a 'file': what a finished job leaves")
            return nil
        }
        let header = known["header"].flatMap { text($0.value, "done.header") }
        let reaches = known["reaches"].flatMap { source($0.value, "done.reaches") }
        if (header == nil) != (reaches == nil) {
            refuse(node.mark, "done needs both 'header' (a number in the file's header) and 'reaches', or neither")
        }
        return CommandTrainer.DoneRule(
            file: file, header: header, reaches: reaches, step: known["step"].flatMap { source($0.value, "done.step") },
            epoch: known["epoch"].flatMap { source($0.value, "done.epoch") })
    }
}
