import RunSpec

extension CommandTrainer {
    /// A command that makes what jobs need before they start: caches of latents, of texts. Jobs with equal
    /// inputs share what it made: the files in `{prepared}`, and those that it added to `{data}`.
    package struct PrepareRule: Codable, Equatable, Sendable {
        package enum Scope: String, Codable, CaseIterable, Sendable {
            /// Once on each machine that runs jobs; nothing travels.
            case host
            /// Once for all machines; what it made travels.
            case fleet
        }

        /// nil for the only one.
        package var name: String?
        package var command: [CommandArgument]
        package var files: [TemplateFile]
        package var env: [String: String]
        package var scope: Scope

        package init(
            name: String? = nil, command: [CommandArgument], files: [TemplateFile] = [], env: [String: String] = [:],
            scope: Scope = .host
        ) {
            self.name = name
            self.command = command
            self.files = files
            self.env = env
            self.scope = scope
        }

        /// What messages call it.
        package var title: String { name ?? "prepare" }

        /// The name of the place of what it made, for the jobs.
        package var placeholder: String { name.map { "prepare.\($0)" } ?? Self.target }

        /// Where it writes, for the command itself.
        package static let target = "prepared"
        /// Below `{out}` of its attempt, when all is there: the folders ``target`` and ``added``.
        package static let result = "result"
        /// What was added to `{data}`.
        package static let added = "data"

        /// All names in its texts, conditions included, repeats too.
        var names: [String] {
            texts.flatMap { CommandTemplate($0).names } + command.compactMap { $0.condition.map(CommandArgument.name) }
        }

        /// What is rendered.
        var texts: [String] {
            command.map(\.text) + files.flatMap { [$0.to, $0.content] } + env.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// What holds for a training job and for no preparation of it: its own name, its checkpoint.
    package static let namesOfJobs: Set<String> = [
        "name", "sweep", "group", "config", "checkpoint", "checkpoint_step", "checkpoint_epoch", "next_epoch",
    ]

    /// The placeholders of all preparations.
    package var preparedNames: Set<String> { Set((prepare ?? []).map(\.placeholder)) }
}

/// A job that must be done before another starts.
package struct Preparation: Equatable, Sendable {
    package let rule: CommandTrainer.PrepareRule
    package let job: ResolvedJob
}

extension ResolvedJob {
    /// What must be done before it starts; nothing for what does not train. Equal inputs make equal jobs,
    /// whatever else the trainings differ in.
    ///
    /// - Throws: `SweepModelError` for a number that is not finite.
    package func preparations() throws(SweepModelError) -> [Preparation] {
        guard kind == .train, let trainer = trainer.command, let rules = trainer.prepare else { return [] }
        var result: [Preparation] = []
        for rule in rules { result.append(Preparation(rule: rule, job: try preparation(rule, trainer))) }
        return result
    }

    private func preparation(
        _ rule: CommandTrainer.PrepareRule, _ trainer: CommandTrainer
    ) throws(SweepModelError) -> ResolvedJob {
        let names = Set(rule.names)
        // Only what is read decides who shares it.
        let values = (trainer.values ?? [:]).filter { names.contains($0.key) }
        var own = CommandTrainer(
            name: rule.title, command: rule.command, files: rule.files, env: rule.env,
            values: values.isEmpty ? nil : values)
        if rule.scope == .fleet {
            let glob = "{out}/\(CommandTrainer.PrepareRule.result)"
            own.checkpoints = [CommandTrainer.CheckpointRule(glob: glob, step: nil, kind: .adapter)]
        }
        let parameters = given.filter { names.contains($0.key) }
        let seed = names.contains("seed") ? seed : 0
        let (base, data) = (names.contains("base") ? base : nil, names.contains("data") ? data : nil)
        let identity = try JobIdentity(
            kind: .prepare, trainer: .command(own), parameters: parameters, checkpoints: nil, evaluation: nil,
            base: base?.reference, data: data?.reference)
        return ResolvedJob(
            id: identity.job(seed: seed), kind: .prepare, configuration: identity.configuration, sweep: sweep,
            group: JobKind.prepare.rawValue, trainer: .command(own), given: parameters, parameters: parameters,
            seed: seed, base: base, data: data, requirements: requirements, retries: retries,
            timeoutSeconds: timeoutSeconds, priority: priority)
    }
}
