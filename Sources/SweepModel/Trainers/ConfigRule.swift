package import RunSpec

extension CommandTrainer {
    /// A configuration file that works, and how values get into it. Parameters that no text of the trainer
    /// names are set at the path that is their own name.
    package struct ConfigRule: Codable, Equatable, Sendable {
        /// A configuration file as it was found.
        package struct Source: Codable, Equatable, Sendable {
            /// What the parameter `config` calls it; nil where there is only one.
            package var name: String?
            /// Its path as the sweep file has it.
            package var from: String
            package var content: String

            package init(name: String? = nil, from: String, content: String) {
                self.name = name
                self.from = from
                self.content = content
            }
        }

        /// Empty in a profile, which does not know the file.
        package var sources: [Source]
        /// Where it is written; nil for `{out}/config` with the ending of its source.
        package var target: String?
        /// Tables at the top are no parts of a path.
        package var isFlat: Bool
        /// Keys whose value is a list of `name=value` texts.
        package var pairs: [String]
        /// In the order in which it is done, after the parameters.
        package var set: [Setting]

        package init(
            sources: [Source] = [], target: String? = nil, isFlat: Bool = false, pairs: [String] = [],
            set: [Setting] = []
        ) {
            self.sources = sources
            self.target = target
            self.isFlat = isFlat
            self.pairs = pairs
            self.set = set
        }

        /// Where the one source is written.
        package var targetPath: String {
            if let target { return target }
            let file = sources.first?.from ?? ""
            return "{out}/config" + (file.lastIndex(of: ".").map { String(file[$0...]) } ?? "")
        }
    }

    /// A value at a path of a configuration file. A text that is one `{name}` alone is the parameter with its
    /// type.
    package struct Setting: Codable, Equatable, Sendable {
        package var path: String
        package var value: ParameterValue
        /// Only where the file has no such key.
        package var isDefault: Bool

        package init(path: String, value: ParameterValue, isDefault: Bool = false) {
            self.path = path
            self.value = value
            self.isDefault = isDefault
        }
    }

    /// A number inside a checkpoint.
    package struct NumberField: Codable, Equatable, Sendable {
        /// A JSON file inside the matched folder; nil for the header of a matched safetensors file.
        package var file: String?
        /// Dots lead inwards, also into text that is JSON.
        package var key: String
        /// It counts from the beginning of its attempt: the step or the epoch that the attempt goes on from
        /// is added.
        package var isOfAttempt: Bool
        /// Not in the match but in the file beside it, whose name ends with the second text where the match's
        /// ends with the first.
        package var beside: [String]?

        package init(file: String? = nil, key: String, isOfAttempt: Bool = false, beside: [String]? = nil) {
            self.file = file
            self.key = key
            self.isOfAttempt = isOfAttempt
            self.beside = beside
        }
    }

    /// A number of the configuration file that counts anew in each attempt.
    package struct Remainder: Codable, Equatable, Sendable {
        package enum Counter: String, Codable, CaseIterable, Sendable { case step, epoch }

        package var path: String
        package var counter: Counter

        package init(path: String, counter: Counter) {
            self.path = path
            self.counter = counter
        }
    }

    /// What proves that a job is done, besides an exit with 0: a file, and what its header says.
    package struct DoneRule: Codable, Equatable, Sendable {
        /// A glob.
        package var file: String
        /// A number in the header of the safetensors file.
        package var header: String?
        /// What that must reach: a number, or the path of one in the configuration file.
        package var reaches: String?
        /// What the largest step that was logged or saved must reach, given likewise.
        package var step: String?
        /// What the largest epoch of a checkpoint must reach.
        package var epoch: String?

        package init(
            file: String, header: String? = nil, reaches: String? = nil, step: String? = nil, epoch: String? = nil
        ) {
            self.file = file
            self.header = header
            self.reaches = reaches
            self.step = step
            self.epoch = epoch
        }
    }
}

extension CommandTrainer.ConfigRule {
    /// The parameter that chooses among several files.
    package static let choice = "config"
}

extension CommandTrainer {
    /// The trainer of one point: with its own configuration file alone.
    ///
    /// - Throws: `SweepModelError` where the point does not say which, or names none of them.
    package func choosingConfig(_ point: [String: ParameterValue]) throws(SweepModelError) -> CommandTrainer {
        guard let config, config.sources.contains(where: { $0.name != nil }) else { return self }
        let names = config.sources.compactMap(\.name)
        guard
            let chosen = try point[ConfigRule.choice].map({ value throws(SweepModelError) in
                try CommandTemplate.text(of: value)
            })
        else {
            throw SweepModelError(
                code: .badExpansion,
                message: "the parameter 'config' is missing; it chooses one of \(names.joined(separator: ", "))")
        }
        guard let source = config.sources.first(where: { $0.name == chosen }) else {
            throw SweepModelError(
                code: .badExpansion,
                message: "config is '\(chosen)'; the trainer's configs are \(names.joined(separator: ", "))")
        }
        var trainer = self
        trainer.config?.sources = [ConfigRule.Source(from: source.from, content: source.content)]
        return trainer
    }

    /// What a point sets in the configuration file: its parameters that no text names, then the trainer's
    /// own settings, whose names are filled in.
    ///
    /// - Parameters:
    ///   - given: the point's parameters.
    ///   - values: text of every name, for settings that hold names within other text.
    package func settings(
        given: [String: ParameterValue], values: [String: String]
    ) throws(SweepModelError) -> [Setting] {
        guard let config else { return [] }
        let named = Set(templateNames)
        var result: [Setting] = []
        for (name, value) in given.sorted(by: { $0.key < $1.key })
        where !named.contains(name) && name != ConfigRule.choice && name != "seed" && !value.isNull {
            result.append(Setting(path: name, value: value))
        }
        for setting in config.set {
            guard let value = try Self.filled(setting.value, given, values) else { continue }
            result.append(Setting(path: setting.path, value: value, isDefault: setting.isDefault))
        }
        return result
    }

    /// nil where a name has no value at this point: then nothing is set.
    private static func filled(
        _ value: ParameterValue, _ given: [String: ParameterValue], _ values: [String: String]
    ) throws(SweepModelError) -> ParameterValue? {
        switch value {
        case .text(let text):
            let template = CommandTemplate(text)
            guard template.names.allSatisfy({ values[$0] != nil }) else { return nil }
            if let name = template.onlyName {
                if let own = given[name] { return own.isNull ? nil : own }
                // The seed is a number, whatever else it is called.
                if name == "seed", let seed = values[name].flatMap(Double.init) { return .number(seed) }
            }
            return .text(try template.rendered(values))
        case .list(let items):
            var result: [ParameterValue] = []
            for item in items { if let item = try filled(item, given, values) { result.append(item) } }
            return .list(result)
        case .map(let map):
            var result: [String: ParameterValue] = [:]
            for (key, item) in map { result[key] = try filled(item, given, values) }
            return .map(result)
        default: return value
        }
    }
}
