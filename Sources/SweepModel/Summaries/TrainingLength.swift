package import RunSpec

/// How much a job trains, in what its trainer counts.
package struct TrainingLength: Codable, Equatable, Sendable {
    package enum Unit: String, CaseIterable, Codable, Sendable { case epoch, step }

    package var count: Double
    package var unit: Unit

    package init(_ count: Double, _ unit: Unit) {
        self.count = count
        self.unit = unit
    }

    /// By the last part of their names. Epochs come first: they win where a trainer is given both.
    private static let names: [(Unit, [String])] = [
        (.epoch, ["max_train_epochs", "epochs"]), (.step, ["max_train_steps", "steps"]),
    ]

    /// nil where neither the parameters nor the configuration file says it.
    package init?(of parameters: [String: ParameterValue], by trainer: TrainerSpec) {
        let content = trainer.command?.config?.sources.first?.content
        for (unit, names) in Self.names {
            for name in names {
                let given = parameters.first { Self.isNamed($0.key, name) }?.value.number
                guard let count = given ?? content.flatMap({ Self.number(name, in: $0) }), count > 0 else { continue }
                self.init(count, unit)
                return
            }
        }
        return nil
    }

    private static func isNamed(_ path: String, _ name: String) -> Bool {
        path == name || path.hasSuffix(".\(name)")
    }

    private static func number(_ name: String, in content: String) -> Double? {
        ConfigMentions.values(of: [name], in: content).lazy.compactMap { Double($0) }.first
    }
}

/// What texts of configuration files say, of whichever format: `key = value`, `key: value`, `"key": value`.
package enum ConfigMentions {
    /// Keys that name a base model, of the trainers whose profiles ship.
    private static let modelKeys = [
        "pretrained_model_name_or_path", "name_or_path", "base_model_name", "dit", "diffusers_path",
        "transformer_path", "checkpoint_path", "ckpt_path", "model_type", "model_family", "model_flavour", "arch",
    ]

    static func models(in content: String) -> [String] { values(of: modelKeys, in: content) }

    /// Values of keys, in the order of the text, without quotes.
    static func values(of keys: [String], in content: String) -> [String] {
        var found: [String] = []
        for line in content.split(whereSeparator: \.isNewline) {
            // JSON may have all on one line.
            for part in line.split(separator: ",") {
                guard let mark = part.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
                let key = part[..<mark].drop { !$0.isLetter }.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                guard keys.contains(String(key)), !part.contains("#") || part.firstIndex(of: "#")! > mark else {
                    continue
                }
                let rest = part[part.index(after: mark)...].drop { $0 == " " || $0 == "\t" }
                guard let quote = rest.first, quote == "\"" || quote == "'" else {
                    found.append(String(rest.prefix { !" \t#}]".contains($0) }))
                    continue
                }
                found.append(String(rest.dropFirst().prefix { $0 != quote }))
            }
        }
        return found.filter { !$0.isEmpty }
    }
}
