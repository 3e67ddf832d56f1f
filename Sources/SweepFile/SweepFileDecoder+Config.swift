package import ConfigText
import RunSpec
package import SweepModel

extension SweepFileDecoder {
    private static let configKeyNames = ["from", "to", "flat", "pairs", "keys"]

    /// `config:` and `set:` of a trainer; a profile says how its files are read, a sweep which file it is.
    mutating func config(
        _ entry: YAMLEntry?, _ set: YAMLEntry?, _ trainer: inout CommandTrainer, folder: String?
    ) {
        guard let entry else {
            if let set, trainer.config == nil {
                refuse(set.keyMark, "'set' needs a 'config': the configuration file that it changes")
            }
            if let set { settings(set, &trainer) }
            return
        }
        var rule = trainer.config ?? CommandTrainer.ConfigRule()
        configMark = entry.value.mark
        if case .mapping = entry.value.content {
            let known = entries(entry.value, of: "config", keys: Self.configKeyNames)
            if let from = known["from"] { rule.sources = sources(from.value, folder: folder) }
            if let to = known["to"] { rule.target = text(to.value, "config.to") }
            if let flat = known["flat"] { rule.isFlat = flag(flat.value, "config.flat") ?? false }
            if let pairs = known["pairs"] { rule.pairs = words(pairs.value, "config.pairs") }
            if let keys = known["keys"] { configKeys = Set(words(keys.value, "config.keys")) }
        } else {
            rule.sources = sources(entry.value, folder: folder)
        }
        trainer.config = rule
        if let set { settings(set, &trainer) }
        check(trainer, entry.value.mark)
    }

    private mutating func sources(_ node: YAMLNode, folder: String?) -> [CommandTrainer.ConfigRule.Source] {
        if case .mapping = node.content {
            let all = namedEntries(node, "config.from")
            if all.isEmpty { refuse(node.mark, "config.from is empty; it names at least one file") }
            return all.compactMap { entry in
                configFile(entry.value, folder: folder).map {
                    CommandTrainer.ConfigRule.Source(name: entry.key, from: $0.from, content: $0.content)
                }
            }
        }
        return configFile(node, folder: folder).map { [.init(from: $0.from, content: $0.content)] } ?? []
    }

    private mutating func configFile(_ node: YAMLNode, folder: String?) -> (from: String, content: String)? {
        guard let path = text(node, "config") else { return nil }
        do {
            switch try inputs.file(path, besides: folder) {
            case .found(let found): return (path, found.text)
            case .missing(let searched):
                refuse(node.mark, "no configuration file '\(path)'; looked for \(searched.joined(separator: " and "))")
            }
        } catch {
            refuse(node.mark, "configuration file '\(path)': \(error)")
        }
        return nil
    }

    private mutating func settings(_ entry: YAMLEntry, _ trainer: inout CommandTrainer) {
        for setting in namedEntries(entry.value, "set") {
            let isDefault = setting.key.hasSuffix("?")
            let path = isDefault ? String(setting.key.dropLast()) : setting.key
            guard ConfigPath(path) != nil else {
                refuse(setting.keyMark, "set: '\(path)' is no path; wanted keys with dots and places: a.b[0].c")
                continue
            }
            guard let value = plain(setting.value, of: "set.\(path)") else { continue }
            trainer.config?.set.removeAll { $0.path == path }
            trainer.config?.set.append(.init(path: path, value: value, isDefault: isDefault))
        }
    }

    /// Whether the files can be read at all, and are of one kind.
    private mutating func check(_ trainer: CommandTrainer, _ mark: SourceMark) {
        guard let rule = trainer.config else { return }
        for source in rule.sources {
            guard ConfigFormat(ofFile: source.from) != nil else {
                refuse(mark, "config '\(source.from)' is none of .toml, .yaml, .yml, .json, .jsonc")
                continue
            }
            do throws(ConfigFault) {
                _ = try rule.document(of: source)
            } catch {
                refuse(mark, "config '\(source.from)', \(error)")
            }
        }
        if let target = rule.target, !target.hasPrefix("{out}/") {
            refuse(mark, "config.to is '\(target)'; wanted a place below {out}")
        }
    }

    private mutating func words(_ node: YAMLNode, _ what: String) -> [String] {
        (sequence(node, what) ?? []).compactMap { source($0, what) }
    }

    private mutating func flag(_ node: YAMLNode, _ what: String) -> Bool? {
        guard case .scalar(.flag(let flag), _) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted true or false")
            return nil
        }
        return flag
    }

    /// Tries every parameter and setting once: what cannot be set is a fault of the sweep file, not of an
    /// attempt.
    mutating func checkSettings(_ sweep: SweepDefinition) {
        guard let trainer = sweep.trainer.command, let rule = trainer.config else { return }
        guard !rule.sources.isEmpty else {
            let name = trainer.name.map { "trainer '\($0)'" } ?? "the trainer"
            refuse(
                configMark ?? SourceMark(line: 1, column: 1),
                "\(name) needs a configuration file that works; write trainer: { profile: \(trainer.name ?? "NAME"), "
                    + "config: FILE }")
            return
        }
        let named = Set(trainer.templateNames)
        for source in rule.sources {
            // One that cannot be read was refused where it was named.
            guard var document = try? rule.document(of: source) else { continue }
            for (name, value, mark) in sweep.examples
            where !named.contains(name) && name != CommandTrainer.ConfigRule.choice && name != "seed" {
                do throws(ConfigFault) {
                    guard let path = ConfigPath(name) else { throw ConfigFault("'\(name)' is no path") }
                    try document.set(path, value)
                } catch {
                    refuse(
                        mark ?? configMark ?? SourceMark(line: 1, column: 1),
                        "the parameter cannot be set in \(source.from): \(error)")
                }
            }
            for setting in rule.set where setting.value.text.map({ CommandTemplate($0).names.isEmpty }) ?? true {
                do throws(ConfigFault) {
                    guard let path = ConfigPath(setting.path) else { throw ConfigFault("no path") }
                    try document.set(path, setting.value)
                } catch {
                    refuse(configMark ?? SourceMark(line: 1, column: 1), "set, in \(source.from): \(error)")
                }
            }
        }
    }
}

extension CommandTrainer.ConfigRule {
    /// - Throws: `ConfigFault` for a file that is not of its format.
    package func document(of source: Source) throws(ConfigFault) -> ConfigDocument {
        guard let format = ConfigFormat(ofFile: source.from) else {
            throw ConfigFault("'\(source.from)' is none of .toml, .yaml, .yml, .json")
        }
        return try ConfigDocument(source.content, format: format, isFlat: isFlat, pairs: Set(pairs))
    }
}

extension SweepDefinition {
    /// One value of each parameter that anything sets, with the place of its group.
    var examples: [(name: String, value: ParameterValue, mark: SourceMark?)] {
        var found: [String: (ParameterValue, SourceMark?)] = [:]
        func add(_ name: String, _ value: ParameterValue?, _ mark: SourceMark?) {
            if let value, !value.isNull, found[name] == nil { found[name] = (value, mark) }
        }
        for (name, value) in defaults { add(name, value, nil) }
        for group in groups {
            for (name, value) in group.baseline { add(name, value, group.mark) }
            switch group.shape {
            case .vary(let entries):
                for axis in entries.flatMap({ $0 }) { add(axis.name, axis.values.first { !$0.isNull }, group.mark) }
            case .grid(let axes):
                for axis in axes.flatMap(\.parameters) {
                    add(axis.name, axis.values.first { !$0.isNull }, group.mark)
                }
            case .list(let points):
                for (name, value) in points.flatMap({ $0 }) { add(name, value, group.mark) }
            case .sample(let spec):
                for (name, range) in spec.space {
                    add(name, range.value(at: 0), group.mark)
                }
            }
            for derivation in group.derive { add(derivation.name, .number(1), derivation.mark ?? group.mark) }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value.0, $0.value.1) }
    }
}
