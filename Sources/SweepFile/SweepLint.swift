import ConfigText
import RunSpec
import SweepModel

/// What is allowed and yet most likely not meant: keys that a trainer would pass over, outputs that collide,
/// a resume that cannot work, sizes out of custom.
package struct SweepLint {
    let sweep: SweepFile
    private let exists: (String) -> Bool
    /// What lies in a folder of this machine.
    let names: (String) -> [String]
    private var findings: [String] = []

    /// - Parameters:
    ///   - exists: whether something lies at an absolute path of this machine.
    ///   - names: what lies in a folder there; nothing where none is.
    package static func findings(
        in sweep: SweepFile, exists: @escaping (String) -> Bool, names: @escaping (String) -> [String] = { _ in [] }
    ) -> [String] {
        var lint = SweepLint(sweep: sweep, exists: exists, names: names)
        lint.look()
        return lint.findings
    }

    private init(
        sweep: SweepFile, exists: @escaping (String) -> Bool, names: @escaping (String) -> [String]
    ) {
        self.sweep = sweep
        self.exists = exists
        self.names = names
    }

    mutating func add(_ finding: String) {
        if !findings.contains(finding) { findings.append(finding) }
    }

    private mutating func look() {
        lookAtSizes()
        guard let trainer = sweep.definition.trainer.command else { return lookAtSteps(nil, "the sweep") }
        lookAtOutputs(trainer)
        lookAtResume(trainer)
        guard let rule = trainer.config else { return lookAtSteps(nil, "the sweep") }
        for source in rule.sources {
            // That it reads is known: otherwise there would be no sweep.
            guard let document = try? rule.document(of: source) else { continue }
            lookAtKeys(document, source, trainer)
            lookAtPaths(document, source, trainer)
            lookAtEpochs(document, source, trainer)
            lookAtSteps(document, source.from)
            lookAtStates(document, source, trainer)
            lookAtPlaces(document, source, trainer)
            lookAtDashes(document, source.from, trainer)
            lookAtVariables(document, source.from, trainer)
        }
    }

    // MARK: Keys

    /// Names that end up as keys of the file, with what says them.
    private func settable(_ trainer: CommandTrainer) -> [(path: String, what: String)] {
        let named = Set(trainer.templateNames)
        let parameters = sweep.definition.examples.map(\.name).filter {
            !named.contains($0) && $0 != CommandTrainer.ConfigRule.choice && $0 != "seed"
        }
        return parameters.map { ($0, "the parameter") }
    }

    private mutating func lookAtKeys(
        _ document: ConfigDocument, _ source: CommandTrainer.ConfigRule.Source, _ trainer: CommandTrainer
    ) {
        let known = sweep.configKeys
        let name = trainer.name ?? "the trainer"
        if !known.isEmpty {
            for key in document.keys where isPassedOver(key, known) {
                add("\(source.from): \(name) knows no '\(key)' and passes over it\(hint(key, known.sorted()))")
            }
        }
        for (text, what) in settable(trainer) {
            guard let path = ConfigPath(text), let key = path.firstKey else { continue }
            if known.contains(key) { continue }
            if isPassedOver(key, known) {
                add("\(what) '\(text)' is no key that \(name) knows; it passes over it\(hint(key, known.sorted()))")
            } else if document.value(at: path) == nil {
                let siblings = document.siblings(of: path)
                let last = text.split(separator: ".").last.map(String.init) ?? text
                add("\(what) '\(text)' is not in \(source.from) and is added to it\(hint(last, siblings))")
            }
        }
    }

    /// Whether a trainer takes a key for nothing. Where its list is open (`*`) only what is nearly a known
    /// one is: there are others.
    private func isPassedOver(_ key: String, _ known: Set<String>) -> Bool {
        guard !known.isEmpty, !known.contains(key) else { return false }
        return !known.contains("*") || (key.count >= 6 && nearest(to: key, among: known.sorted()) != nil)
    }

    /// What begins with dashes stands beside what the sweep sets without them.
    mutating func lookAtDashes(_ document: ConfigDocument, _ source: String, _ trainer: CommandTrainer) {
        let paths = settable(trainer).map(\.path) + (trainer.config?.set ?? []).map(\.path)
        for path in paths where document.keys.contains("--" + path) {
            add("\(source): '--\(path)' stands beside '\(path)', which the sweep sets; write its keys without dashes")
        }
    }

    /// `${NAME}`, which some trainers fill in from their environment: of this a job gets little.
    mutating func lookAtVariables(_ document: ConfigDocument, _ source: String, _ trainer: CommandTrainer) {
        for (path, text) in document.texts {
            for match in text.matches(of: /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/) {
                let name = String(match.1)
                guard trainer.env[name] == nil, !["HOME", "USER", "PATH", "HF_HOME", "SEED"].contains(name) else {
                    continue
                }
                add(
                    "\(source): \(path) is filled in from ${\(name)}, which jobs do not get; "
                        + "give it: env: { \(name): … } of the trainer")
            }
        }
    }

    private func hint(_ key: String, _ known: [String]) -> String {
        nearest(to: key, among: known).map { "; did you mean '\($0)'?" } ?? ""
    }

    // MARK: Paths

    /// Endings of keys that hold paths.
    private static let pathEndings = [
        "_dir", "_path", "_file", "_prompts", "_config", "_weights", "_file_name", "folder", "dataset",
        "pretrained_model_name_or_path", "vae",
    ]

    private mutating func lookAtPaths(
        _ document: ConfigDocument, _ source: CommandTrainer.ConfigRule.Source, _ trainer: CommandTrainer
    ) {
        let set = Set((trainer.config?.set ?? []).map(\.path) + settable(trainer).map(\.path))
        for (path, text) in document.texts where !set.contains(path) {
            let key = path.split(separator: ".").last.map(String.init) ?? path
            guard Self.pathEndings.contains(where: key.hasSuffix), !text.isEmpty else { continue }
            if text.hasPrefix("/") {
                if !exists(text) { add("\(source.from): \(path) is \(text), which is not on this machine") }
            } else if text.hasPrefix(".") || text.split(separator: "/").count != 2 || text.contains("."),
                !text.contains("://")
            {
                // A name such as stabilityai/sdxl is one of a hub.
                add(
                    "\(source.from): \(path) is '\(text)', which is looked for in the job's own folder; write the whole "
                        + "path, or set it: set: { \(path): /… }")
            }
        }
    }

    // MARK: Outputs, resume

    private mutating func lookAtOutputs(_ trainer: CommandTrainer) {
        let names = Set(trainer.templateNames)
        guard names.isDisjoint(with: ["out", "job", "name", "attempt", "config"]) else { return }
        add(
            "nothing of the trainer says {out}: unless the program writes where it runs, all jobs write to one place; "
                + "give it --out {out}")
    }

    private mutating func lookAtResume(_ trainer: CommandTrainer) {
        let states = trainer.checkpoints.filter { $0.kind == .state }
        if states.isEmpty, !trainer.resume.isEmpty {
            add("the trainer has 'resume' and no checkpoint rule of kind 'state': a job that is lost begins again")
        }
        if !states.isEmpty, trainer.resume.isEmpty, trainer.restore == nil {
            add("the trainer saves states and has no 'resume' and no 'restore': a job that is lost begins again")
        }
    }

    private mutating func lookAtEpochs(
        _ document: ConfigDocument, _ source: CommandTrainer.ConfigRule.Source, _ trainer: CommandTrainer
    ) {
        guard trainer.resume.contains(where: { CommandTemplate($0.text).names.contains("next_epoch") }) else { return }
        func number(_ key: String) -> Double? {
            if let own = sweep.definition.examples.first(where: { $0.name == key })?.value.number { return own }
            return ConfigPath(key).flatMap { document.value(at: $0) }?.number
        }
        guard let epochs = number("max_train_epochs") else {
            add(
                "\(source.from): without max_train_epochs a job that is lost or paused begins anew, since a resumed one would "
                    + "train too long (its steps count from 0 again); write max_train_epochs instead of max_train_steps"
            )
            return
        }
        if let every = number("save_every_n_epochs"), every >= epochs, epochs > 1 {
            add(
                "\(source.from): save_every_n_epochs is \(Int(every)) of \(Int(epochs)) epochs, so no state is saved before "
                    + "the end: a job that is lost begins again")
        }
    }

    // MARK: Sizes

    /// Values that hardly anybody wants, by the end of the name. Rates beyond 1e-2 diverge and below 1e-7 do
    /// nothing, except with optimisers that find their own.
    private mutating func lookAtSizes() {
        let adaptive = sweep.plan.configurations.contains { configuration in
            configuration.given.values.contains { value in
                let text = value.text?.lowercased() ?? ""
                return ["prodigy", "dadapt", "adafactor"].contains { text.hasPrefix($0) }
            }
        }
        for configuration in sweep.plan.configurations.prefix(10_000) {
            let given = configuration.given
            for (name, value) in given {
                guard let number = value.number else { continue }
                let last = name.split(separator: ".").last.map(String.init) ?? name
                if ["lr", "learning_rate", "unet_lr", "text_encoder_lr"].contains(last), !adaptive, number != 0,
                    number > 1e-2 || number < 1e-7
                {
                    add("\(name) is \(value): rates are between 1e-7 and 1e-2 as a rule")
                }
                if ["dim", "network_dim", "linear", "lora_rank", "rank"].contains(last), number > 256 {
                    add("\(name) is \(value): a rank beyond 256 makes a file as large as a model's")
                }
            }
            for (dim, alpha) in [("dim", "alpha"), ("network_dim", "network_alpha"), ("conv_dim", "conv_alpha")] {
                if let rank = given[dim]?.number, let scale = given[alpha]?.number, scale > 2 * rank {
                    add(
                        "\(alpha) is \(given[alpha] ?? .null) with \(dim) \(given[dim] ?? .null): more than twice the rank"
                    )
                }
            }
        }
    }
}
