import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let trainerKeys = [
        "command", "resume", "files", "env", "metrics", "checkpoints", "samples", "stop", "evaluate",
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
        if let command = known["command"]?.value {
            trainer.command = arguments(command, "command")
            if case .sequence(let items) = command.content, items.isEmpty { refuse(command.mark, "command is empty") }
        } else if case .mapping = node.content {
            refuse(node.mark, "a trainer needs a 'command': a list of the program and its arguments")
        }
        trainer.resume = known["resume"].map { arguments($0.value, "resume") } ?? []
        trainer.evaluate = known["evaluate"].map { arguments($0.value, "evaluate") }
        for entry in known["env"].map({ namedEntries($0.value, "env") }) ?? [] {
            trainer.env[entry.key] = source(entry.value, "env.\(entry.key)")
        }
        trainer.files = items(known["files"], "files").compactMap { templateFile($0, folder: folder) }
        trainer.metrics = items(known["metrics"], "metrics").compactMap { metricSource($0) }
        trainer.checkpoints = items(known["checkpoints"], "checkpoints").compactMap { checkpointRule($0) }
        trainer.samples = items(known["samples"], "samples").compactMap { sampleRule($0) }
        if let stop = known["stop"]?.value { trainer.stop = stopRule(stop) }
        return trainer
    }

    private mutating func items(_ entry: YAMLEntry?, _ what: String) -> [YAMLNode] {
        entry.flatMap { sequence($0.value, what) } ?? []
    }

    private mutating func arguments(_ node: YAMLNode, _ what: String) -> [String] {
        guard case .sequence(let items) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted a list, one entry an argument (no shell reads it)")
            return []
        }
        return items.compactMap { source($0, what) }
    }

    private mutating func templateFile(_ node: YAMLNode, folder: String?) -> CommandTrainer.TemplateFile? {
        let known = entries(node, of: "an entry of files", keys: ["from", "to"])
        guard let from = known["from"], let to = known["to"] else {
            refuse(node.mark, "an entry of files needs 'from' (the template) and 'to'")
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
        let known = entries(node, of: "an entry of checkpoints", keys: ["glob", "step", "kind", "complete", "quiet"])
        guard let glob = known["glob"] else {
            refuse(node.mark, "an entry of checkpoints needs a 'glob'")
            return nil
        }
        var step: String?
        if let entry = known["step"], let pattern = text(entry.value, "step") {
            step = pattern
            do {
                _ = try Regex(pattern)
                if !pattern.replacing("\\(", with: "").replacing("(?", with: "").contains("(") {
                    refuse(
                        entry.value.mark,
                        "step is '\(pattern)', which has no group; wanted one around the digits, as in 'ckpt-([0-9]+)'")
                }
            } catch {
                refuse(entry.value.mark, "step is '\(pattern)', which is no regular expression: \(error)")
            }
        }
        let kind = known["kind"].map { choice($0.value, "kind", CommandTrainer.CheckpointRule.Kind.self) } ?? .adapter
        let marker = known["complete"].flatMap { self.marker($0.value) }
        let quiet = known["quiet"].flatMap { self.seconds($0.value, "quiet") }
        guard let path = text(glob.value, "glob"), let kind else { return nil }
        return CommandTrainer.CheckpointRule(glob: path, step: step, kind: kind, complete: marker, quiet: quiet)
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
        let known = entries(node, of: "stop", keys: ["signal", "grace"])
        var rule = CommandTrainer.StopRule()
        if let signal = known["signal"].flatMap({ choice($0.value, "signal", CommandTrainer.StopRule.Signal.self) }) {
            rule.signal = signal
        }
        if let grace = known["grace"].flatMap({ self.seconds($0.value, "grace") }) { rule.graceSeconds = grace }
        return rule
    }
}
