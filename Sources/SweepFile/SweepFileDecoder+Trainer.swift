import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let trainerKeys = [
        "command", "resume", "files", "env", "metrics", "checkpoints", "samples", "stop", "evaluate", "profile", "args",
        "config", "set", "values", "done", "clean", "restore", "remainder", "prepare", "on_oom",
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
        if let restore = known["restore"]?.value { trainer.restore = placeBelowOut(restore, "restore") }
        if let remainder = known["remainder"] { trainer.remainder = self.remainder(remainder) }
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

    mutating func texts(_ node: YAMLNode, _ what: String) -> [String] {
        (sequence(node, what) ?? []).compactMap { source($0, what) }
    }

    mutating func templateFile(_ node: YAMLNode, folder: String?) -> CommandTrainer.TemplateFile? {
        let known = entries(node, of: "an entry of files", keys: ["from", "text", "to", "when"])
        let isForResume: Bool? = known["when"].flatMap { choice($0.value, "when", ResumeOnly.self) } == nil ? nil : true
        if let plain = known["text"], let to = known["to"], known["from"] == nil {
            guard let content = source(plain.value, "text"), let target = text(to.value, "to") else { return nil }
            return CommandTrainer.TemplateFile(from: "", to: target, content: content, isForResume: isForResume)
        }
        guard let from = known["from"], let to = known["to"], known["text"] == nil else {
            refuse(node.mark, "an entry of files needs 'from' (the template) or 'text' (what it says), and 'to'")
            return nil
        }
        guard let path = text(from.value, "from"), let target = text(to.value, "to") else { return nil }
        do {
            switch try inputs.file(path, besides: folder) {
            case .found(let found):
                return CommandTrainer.TemplateFile(
                    from: path, to: target, content: found.text, isForResume: isForResume)
            case .missing(let searched):
                refuse(from.value.mark, "no template '\(path)'; looked for \(searched.joined(separator: " and "))")
            }
        } catch {
            refuse(from.value.mark, "template '\(path)': \(error)")
        }
        return nil
    }

    private mutating func sampleRule(_ node: YAMLNode) -> CommandTrainer.SampleRule? {
        let known = entries(node, of: "an entry of samples", keys: ["glob"])
        guard let glob = known["glob"] else {
            refuse(node.mark, "an entry of samples needs a 'glob'")
            return nil
        }
        return text(glob.value, "glob").map { CommandTrainer.SampleRule(glob: $0) }
    }
}
