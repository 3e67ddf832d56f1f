import ConfigText
import RunSpec
import SweepModel

extension SweepFileDecoder {
    private static let prepareKeys = ["name", "command", "files", "env", "scope"]

    /// `prepare:` of a trainer: one command, or several by their names, as a map or as a list.
    mutating func preparations(_ node: YAMLNode, folder: String?) -> [CommandTrainer.PrepareRule] {
        switch node.content {
        case .mapping(let entries) where entries.contains(where: { $0.key == "command" }):
            return preparation(node, name: nil, "prepare", folder: folder).map { [$0] } ?? []
        case .mapping:
            return namedEntries(node, "prepare").compactMap { entry in
                preparation(entry.value, name: (entry.key, entry.keyMark), "prepare.\(entry.key)", folder: folder)
            }
        default:
            return (sequence(node, "prepare") ?? []).compactMap {
                preparation($0, name: nil, "an entry of prepare", folder: folder)
            }
        }
    }

    private mutating func preparation(
        _ node: YAMLNode, name given: (text: String, mark: SourceMark)?, _ what: String, folder: String?
    ) -> CommandTrainer.PrepareRule? {
        let known = entries(node, of: what, keys: Self.prepareKeys)
        guard let command = known["command"]?.value else {
            refuse(node.mark, "\(what) needs a 'command': what makes it, a list of the program and its arguments")
            return nil
        }
        var rule = CommandTrainer.PrepareRule(command: arguments(command, "\(what).command"))
        rule.name = given?.text ?? known["name"].flatMap { text($0.value, "\(what).name") }
        if let name = rule.name, !CommandTemplate.isName(name) || name.contains(".") || name.contains("[") {
            refuse(
                given?.mark ?? node.mark,
                "'\(name)' cannot be the name of a preparation: it has letters, digits and '_', a letter first")
        }
        if rule.command.isEmpty { refuse(command.mark, "\(what).command is empty") }
        rule.files = items(known["files"], "\(what).files").compactMap { templateFile($0, folder: folder) }
        for entry in known["env"].map({ namedEntries($0.value, "\(what).env") }) ?? [] {
            rule.env[entry.key] = source(entry.value, "\(what).env.\(entry.key)")
        }
        if let scope = known["scope"].flatMap({
            choice($0.value, "\(what).scope", CommandTrainer.PrepareRule.Scope.self)
        }) {
            rule.scope = scope
        }
        let texts = rule.command.map(\.text) + rule.files.flatMap { [$0.to, $0.content] } + rule.env.values
        for name in Set(texts.flatMap { CommandTemplate($0).names }).sorted() {
            if CommandTrainer.namesOfJobs.contains(name) {
                refuse(node.mark, "\(what) has {\(name)}, which differs from job to job; what it makes is shared")
            } else if name.hasPrefix("prepare.") {
                refuse(node.mark, "\(what) has {\(name)}: a preparation waits for no other one")
            }
        }
        return rule
    }

    /// Several that are called alike, or several without a name.
    mutating func checkPreparations(_ rules: [CommandTrainer.PrepareRule], _ mark: SourceMark) {
        var seen: Set<String> = []
        for rule in rules where !seen.insert(rule.placeholder).inserted {
            let how = rule.name.map { "two are called '\($0)'" } ?? "only a single one needs no name"
            refuse(mark, "prepare: \(how)")
        }
    }

    // MARK: When memory runs out

    /// `on_oom: {batch: batch / 2}`.
    mutating func fallback(_ node: YAMLNode) -> OutOfMemoryFallback? {
        var settings: [String: String] = [:]
        let entries = namedEntries(node, "on_oom")
        if entries.isEmpty { refuse(node.mark, "on_oom is empty; it says what is set instead: { batch: batch / 2 }") }
        for entry in entries {
            guard let text = source(entry.value, "on_oom.\(entry.key)") else { continue }
            do {
                _ = try ArithmeticExpression(text)
                settings[entry.key] = text
            } catch {
                refuse(entry.value.mark, "on_oom.\(entry.key): \(error.message)")
            }
        }
        fallbackMark = node.mark
        return settings.isEmpty ? nil : OutOfMemoryFallback(settings)
    }

    /// Every name must have a number before memory can run out: of a point, the core's default, or the
    /// configuration file's own, which then stands among the defaults.
    mutating func completeFallback(_ sweep: inout SweepDefinition) {
        guard let rule = sweep.onOOM else { return }
        let known = Set(sweep.examples.map(\.name))
        // Those that cannot be read were refused one by one.
        let expressions = rule.settings.values.compactMap { try? ArithmeticExpression($0) }
        let mark = fallbackMark ?? SourceMark(line: 1, column: 1)
        for name in Set(rule.settings.keys).union(expressions.flatMap(\.names)).sorted() where !known.contains(name) {
            if isCore {
                guard let kind = ParameterTable[name]?.kind, kind == .number || kind == .integer else {
                    refuse(mark, "on_oom: '\(name)' is no number among the parameters")
                    continue
                }
            } else if let number = configNumber(name, sweep.trainer.command?.config) {
                sweep.defaults[name] = .number(number)
            } else {
                refuse(mark, "on_oom needs '\(name)', which nothing sets; give it a value in 'defaults'")
            }
        }
    }

    private func configNumber(_ name: String, _ rule: CommandTrainer.ConfigRule?) -> Double? {
        guard let rule, rule.sources.count == 1, let path = ConfigPath(name),
            let document = try? rule.document(of: rule.sources[0])  // refused elsewhere if it cannot be read
        else { return nil }
        return document.value(at: path)?.number
    }
}
