import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let trainerKeys = [
        "command", "resume", "files", "env", "metrics", "checkpoints", "samples", "stop", "evaluate", "profile", "args",
        "config", "set", "values", "done", "clean", "prepare", "on_oom",
    ]

    /// `core`, a profile's name or path, or a command trainer written out.
    mutating func trainer(_ node: YAMLNode) -> TrainerSpec {
        guard case .scalar = node.content else { return .command(commandTrainer(node, name: nil, folder: nil)) }
        guard let name = text(node, "trainer"), name != "core" else { return .core }
        return profile(name, node.mark)
    }

    private mutating func profile(_ name: String, _ mark: SourceMark) -> TrainerSpec {
        // Stands for a trainer that is not known: no parameter of a command is refused for it.
        let standIn = TrainerSpec.command(CommandTrainer(command: []))
        do {
            switch try inputs.profile(name) {
            case .missing(let searched):
                refuse(
                    mark,
                    "trainer '\(name)' is neither 'core' nor a profile; looked for \(searched.joined(separator: ", "))")
                return standIn
            case .found(let found):
                let folder = found.path.lastIndex(of: "/").map { String(found.path[..<$0]) }
                var decoder = SweepFileDecoder(file: found.path, inputs: inputs)
                let root = try YAMLReader.read(found.text, file: found.path)
                let trainer = decoder.commandTrainer(root, name: name, folder: folder)
                configKeys = decoder.configKeys
                trainerFallback = decoder.trainerFallback
                add(decoder.faults)
                return .command(trainer)
            }
        } catch let error as SweepFileError {
            add(error.faults)
        } catch {
            refuse(mark, "trainer '\(name)': \(error)")
        }
        return standIn
    }

    private mutating func commandTrainer(_ node: YAMLNode, name: String?, folder: String?) -> CommandTrainer {
        let known = entries(node, of: "a trainer", keys: Self.trainerKeys)
        var trainer = CommandTrainer(name: name, command: [])
        let profile = known["profile"].flatMap { entry in text(entry.value, "profile").map { ($0, entry.value.mark) } }
        if let (name, mark) = profile { trainer = self.profile(name, mark).command ?? trainer }
        if let command = known["command"]?.value {
            trainer.command = arguments(command, "command")
            if case .sequence(let items) = command.content, items.isEmpty { refuse(command.mark, "command is empty") }
        } else if case .mapping = node.content, profile == nil {
            refuse(node.mark, "a trainer needs a 'command' (a list of the program and its arguments) or a 'profile'")
        }
        if let more = known["args"] { trainer.command += arguments(more.value, "args") }
        if let resume = known["resume"] { trainer.resume = arguments(resume.value, "resume") }
        if let evaluate = known["evaluate"] { trainer.evaluate = texts(evaluate.value, "evaluate") }
        for entry in known["env"].map({ namedEntries($0.value, "env") }) ?? [] {
            trainer.env[entry.key] = source(entry.value, "env.\(entry.key)")
        }
        trainer.files += items(known["files"], "files").compactMap { templateFile($0, folder: folder) }
        if known["metrics"] != nil {
            trainer.metrics = items(known["metrics"], "metrics").compactMap { metricSource($0) }
        }
        if known["checkpoints"] != nil {
            trainer.checkpoints = items(known["checkpoints"], "checkpoints").compactMap { checkpointRule($0) }
        }
        if known["samples"] != nil {
            trainer.samples = items(known["samples"], "samples").compactMap { sampleRule($0) }
        }
        if let stop = known["stop"]?.value { trainer.stop = stopRule(stop) }
        if let done = known["done"]?.value { trainer.done = doneRule(done) }
        if let clean = known["clean"]?.value { trainer.clean = texts(clean, "clean") }
        if let prepare = known["prepare"]?.value {
            let rules = preparations(prepare, folder: folder)
            checkPreparations(rules, prepare.mark)
            trainer.prepare = rules.isEmpty ? nil : rules
        }
        if let rule = known["on_oom"]?.value { trainerFallback = fallback(rule) }
        if let entry = known["values"] {
            for value in namedEntries(entry.value, "values") {
                trainer.values = trainer.values ?? [:]
                trainer.values?[value.key] = source(value.value, "values.\(value.key)")
            }
        }
        config(known["config"], known["set"], &trainer, folder: folder)
        return trainer
    }

    mutating func items(_ entry: YAMLEntry?, _ what: String) -> [YAMLNode] {
        entry.flatMap { sequence($0.value, what) } ?? []
    }

    mutating func arguments(_ node: YAMLNode, _ what: String) -> [CommandArgument] {
        guard case .sequence(let items) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted a list, one entry an argument (no shell reads it)")
            return []
        }
        return items.flatMap { item -> [CommandArgument] in
            if case .mapping(let entries) = item.content { return conditional(entries, item, what) }
            return source(item, what).map { [CommandArgument($0)] } ?? []
        }
    }

    /// `{ name?: --flag }` and `{ name?: [--option, "{name}"] }`: stands where the parameter does;
    /// `{ "!name?": --no-flag }` where it does not.
    private mutating func conditional(_ entries: [YAMLEntry], _ node: YAMLNode, _ what: String) -> [CommandArgument] {
        guard entries.count == 1, let entry = entries.first, entry.key.hasSuffix("?") else {
            refuse(
                node.mark,
                "\(what) holds a map; an argument that stands only where a parameter does is { name?: --flag }")
            return []
        }
        let name = String(entry.key.dropLast())
        guard CommandTemplate.isName(CommandArgument.name(of: name)),
            !CommandTemplate.reserved.contains(CommandArgument.name(of: name))
        else {
            refuse(entry.keyMark, "'\(name)' is no parameter")
            return []
        }
        if case .sequence(let items) = entry.value.content {
            return items.compactMap { item in source(item, what).map { CommandArgument($0, condition: name) } }
        }
        return source(entry.value, what).map { [CommandArgument($0, condition: name)] } ?? []
    }

    private mutating func texts(_ node: YAMLNode, _ what: String) -> [String] {
        (sequence(node, what) ?? []).compactMap { source($0, what) }
    }

    mutating func templateFile(_ node: YAMLNode, folder: String?) -> CommandTrainer.TemplateFile? {
        let known = entries(node, of: "an entry of files", keys: ["from", "text", "to"])
        if let content = known["text"], let to = known["to"], known["from"] == nil {
            guard let template = source(content.value, "text"), let target = text(to.value, "to") else { return nil }
            return CommandTrainer.TemplateFile(from: "", to: target, content: template)
        }
        guard let from = known["from"], let to = known["to"], known["text"] == nil else {
            refuse(node.mark, "an entry of files needs 'from' (the template's file) or 'text' (itself), and 'to'")
            return nil
        }
        guard let path = text(from.value, "from"), let target = text(to.value, "to") else { return nil }
        do {
            switch try inputs.file(path, besides: folder) {
            case .found(let found): return CommandTrainer.TemplateFile(from: path, to: target, content: found.text)
            case .missing(let searched):
                refuse(from.value.mark, "no template '\(path)'; looked for \(searched.joined(separator: " and "))")
            }
        } catch {
            refuse(from.value.mark, "template '\(path)': \(error)")
        }
        return nil
    }

    private mutating func checkpointRule(_ node: YAMLNode) -> CommandTrainer.CheckpointRule? {
        let known = entries(
            node, of: "an entry of checkpoints", keys: ["glob", "step", "epoch", "kind", "complete", "quiet"])
        guard let glob = known["glob"] else {
            refuse(node.mark, "an entry of checkpoints needs a 'glob'")
            return nil
        }
        let (step, stepField, isOfAttempt) = number(known["step"], "step")
        let (epoch, epochField, _) = number(known["epoch"], "epoch")
        let kind = known["kind"].map { choice($0.value, "kind", CommandTrainer.CheckpointRule.Kind.self) } ?? .adapter
        let marker = known["complete"].flatMap { self.marker($0.value) }
        let quiet = known["quiet"].flatMap { self.seconds($0.value, "quiet") }
        guard let path = text(glob.value, "glob"), let kind else { return nil }
        return CommandTrainer.CheckpointRule(
            glob: path, step: step, epoch: epoch, stepField: stepField, epochField: epochField,
            isStepOfAttempt: isOfAttempt ? true : nil, kind: kind, complete: marker, quiet: quiet)
    }

    private typealias NumberPlace = (pattern: String?, field: CommandTrainer.NumberField?, isOfAttempt: Bool)

    /// A number in a checkpoint's name, by a regular expression, or inside it: `{json: FILE, key: K}` in a
    /// folder, `{header: K}` of a safetensors file. `{name: EXPRESSION}` is the first in a longer form;
    /// `base: attempt` says that it counts anew in each attempt.
    private mutating func number(_ entry: YAMLEntry?, _ what: String) -> NumberPlace {
        guard let entry else { return (nil, nil, false) }
        guard case .mapping = entry.value.content else { return (pattern(entry.value, what), nil, false) }
        let known = entries(entry.value, of: what, keys: ["name", "json", "key", "header", "base"])
        let isOfAttempt = known["base"].flatMap { text($0.value, "\(what).base") } == "attempt"
        if let base = known["base"], !isOfAttempt {
            refuse(base.value.mark, "\(what).base is \(base.value.kindName); 'attempt' is the only one")
        }
        if let name = known["name"] { return (pattern(name.value, "\(what).name"), nil, isOfAttempt) }
        if let header = known["header"].flatMap({ text($0.value, "\(what).header") }) {
            return (nil, CommandTrainer.NumberField(key: header, isOfAttempt: isOfAttempt), false)
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
    private mutating func marker(_ node: YAMLNode) -> String? {
        guard let name = text(node, "complete") else { return nil }
        if name.isEmpty || name.contains("/") || name == "." || name == ".." {
            refuse(node.mark, "complete is '\(name)'; wanted the name of a file, as in 'complete: DONE'")
        }
        return name
    }

    private mutating func sampleRule(_ node: YAMLNode) -> CommandTrainer.SampleRule? {
        let known = entries(node, of: "an entry of samples", keys: ["glob"])
        guard let glob = known["glob"] else {
            refuse(node.mark, "an entry of samples needs a 'glob'")
            return nil
        }
        return text(glob.value, "glob").map { CommandTrainer.SampleRule(glob: $0) }
    }

    private mutating func stopRule(_ node: YAMLNode) -> CommandTrainer.StopRule {
        let known = entries(node, of: "stop", keys: ["signal", "grace", "wait"])
        var rule = CommandTrainer.StopRule()
        if let signal = known["signal"].flatMap({ choice($0.value, "signal", CommandTrainer.StopRule.Signal.self) }) {
            rule.signal = signal
        }
        if let grace = known["grace"].flatMap({ self.seconds($0.value, "grace") }) { rule.graceSeconds = grace }
        rule.waitSeconds = known["wait"].flatMap { self.seconds($0.value, "wait") }
        return rule
    }

    private mutating func doneRule(_ node: YAMLNode) -> CommandTrainer.DoneRule? {
        let known = entries(node, of: "done", keys: ["file", "header", "reaches"])
        guard let file = known["file"].flatMap({ text($0.value, "done.file") }) else {
            refuse(node.mark, "done needs a 'file': what a finished job leaves")
            return nil
        }
        let header = known["header"].flatMap { text($0.value, "done.header") }
        let reaches = known["reaches"].flatMap { source($0.value, "done.reaches") }
        if (header == nil) != (reaches == nil) {
            refuse(node.mark, "done needs both 'header' (a number in the file's header) and 'reaches', or neither")
        }
        return CommandTrainer.DoneRule(file: file, header: header, reaches: reaches)
    }
}
