import ConfigText
import Ports
import RunSpec
package import SweepModel
import SweepWire

/// How one attempt is run and where its results appear: every template rendered, nothing left to decide.
package struct AttemptPlan: Sendable {
    package struct CheckpointRule: Sendable {
        package let glob: String
        package let step: String?
        package var epoch: String?
        package var stepField: CommandTrainer.NumberField?
        package var epochField: CommandTrainer.NumberField?
        package var isStepOfAttempt = false
        package var isEpochOfAttempt = false
        /// Names of files beside a match that belong to it.
        package var with: [String] = []
        package let kind: CommandTrainer.CheckpointRule.Kind
        /// A file that says that a match is whole.
        package var complete: String?
        /// How long a match must lie still while its trainer runs.
        package var quiet: Duration = .seconds(CommandTrainer.CheckpointRule.usualQuiet)
    }

    /// Where metrics come from.
    package struct MetricFile: Sendable {
        package var kind = CommandTrainer.MetricSource.Kind.jsonl
        /// A file, or a folder of files.
        package let path: String
        /// The key, column or group of the step; where events and W&B's rows have their own, nil for that.
        package let step: String?
        /// Added to the steps that the trainer counts.
        package var base = 0
        /// New names by the trainer's; an empty one leaves the metric out.
        package var map: [String: String] = [:]
        /// Tags whose axis is the epoch; nil for those that look like it.
        package var epochs: [String]?
        package var pattern: LinePattern?
        package var table: String?
        /// The object in a line of JSON that holds the numbers.
        package var under: String?
        /// A folder that is not looked into: what was restored there is an earlier attempt's.
        package var besides: String?

        package init(path: String, step: String?) {
            self.path = path
            self.step = step
        }

        /// - Parameter base: the step that the attempt goes on from.
        init(_ source: CommandTrainer.MetricSource, path: String, base: Int) throws {
            kind = source.kind
            self.path = path
            step = source.step ?? ([.tfevents, .wandb].contains(source.kind) ? nil : "step")
            self.base = source.base == .attempt ? base : 0
            map = source.map ?? [:]
            epochs = source.epochs
            pattern = try source.pattern.map { try LinePattern($0) }
            table = source.table
            under = source.under
        }
    }

    package let order: ProcessOrder
    package let metrics: [MetricFile]
    /// Empty for trainers that write checkpoint folders with a manifest.
    package let rules: [CheckpointRule]
    package let samples: [String]
    /// Evaluation command, not rendered: `{checkpoint}` differs each time.
    package let evaluate: [String]?
    package let isCore: Bool
    package let values: [String: String]
    /// What is written before the start: the job, templates, the configuration file.
    package let files: [(path: String, text: String)]
    /// What must be there when the job is done; nil where its checkpoints are proof enough.
    package let done: DonePlan?
    /// Patterns of what is removed before a resumed attempt starts.
    package let clean: [String]
    package let stop: StopPlan
    /// The folder that the training state was restored into.
    package let restored: String

    /// Whether it says what of the trainer's files is read, besides its log and what lies in its folder.
    var readsFiles: Bool { isCore || !metrics.isEmpty || !rules.isEmpty || !samples.isEmpty || done != nil }
}

/// How a program is asked to stop, besides the signal.
package struct StopPlan: Sendable {
    /// How long to wait for the next training state, or for what the file or the flag does, before the
    /// signal.
    package var wait: Duration?
    /// A file to make; its folder is a glob.
    package var file: String?
    /// Its file is a path, its statements as they are.
    package var flag: CommandTrainer.DatabaseFlag?
    /// Exit codes that mean that it stopped.
    package var exits: Set<Int32> = []
}

/// What proves that a job is done.
package struct DonePlan: Sendable {
    /// A glob.
    package let file: String
    /// A number in the header of the file, and what it must reach.
    package let header: String?
    package let target: Double?
    /// What the largest step and the largest epoch must reach; nil where nothing says it.
    package let step: Double?
    package let epoch: Double?

    package init(file: String, header: String?, target: Double?, step: Double? = nil, epoch: Double? = nil) {
        self.file = file
        self.header = header
        self.target = target
        self.step = step
        self.epoch = epoch
    }
}

extension AttemptPlan {
    /// - Throws: ``WorkerError`` with `badJob`, or the `SweepModelError` of a template.
    package init(_ grant: Grant, place: AttemptPlace, _ around: AttemptSurroundings) throws {
        let job = grant.job
        let trainer = job.trainer.program
        let given = job.given.merging(job.parameters, uniquingKeysWith: { $1 })
        var values = try Self.values(grant, given, trainer, place, around)
        let whole = try Self.config(trainer, given, values, place)
        let config = try whole.map { ($0.path, try Self.remaining($0.document, trainer, grant.resume)) }
        if let config { values["config"] = config.0 }

        func rendered(_ text: String) throws -> String { try CommandTemplate(text).rendered(values) }
        let templates = trainer.command + (grant.resume == nil ? [] : trainer.resume)
        var arguments = try trainer.arguments(templates, at: given).map { try Self.argument($0, values) }
        guard let program = arguments.first, !program.isEmpty else {
            throw WorkerError(.badJob, "trainer \(job.trainer.name): its command is empty")
        }
        if program == around.program { arguments[0] = "radiata" }
        var files: [(path: String, text: String)] = []
        if around.wantsJobFile {
            let text = try job.trainerFile(
                base: around.base, data: around.data, regData: around.regData, encoders: around.encoders,
                out: place.out, resume: values["checkpoint"])
            files.append((place.job, text))
        }
        if let config { files.append((config.0, config.1.text)) }
        for template in trainer.files where template.isForResume != true || grant.resume != nil {
            files.append((try Self.target(template.to, values, place), try Self.content(template, values)))
        }
        var environment = TrainerEnvironment.allowed(around.environment)
        for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] { environment[name] = String(around.threads) }
        for (name, value) in TrainerEnvironment.gpus(around.gpus, of: around.vendors) { environment[name] = value }
        environment["RADIATA_JOB"] = job.id.text
        environment["RADIATA_ATTEMPT"] = values["attempt"]
        for (name, value) in trainer.env { environment[name] = try rendered(value) }

        order = ProcessOrder(
            program: program, arguments: arguments, environment: environment, folder: place.out, log: place.log,
            record: place.process, stopSignal: trainer.stop.signal.number, grace: .seconds(trainer.stop.graceSeconds))
        metrics = try trainer.metrics.map { source in
            let path = source.kind == .stdout ? place.log : try rendered(source.path)
            var file = try MetricFile(source, path: path, base: grant.resume?.step ?? 0)
            file.besides = AttemptFolder(place.out).resume
            return file
        }
        // A bracket in a folder's name is no part of the pattern.
        let literals = trainer.hasPatterns ? values.mapValues(PathPattern.escaped) : values
        rules = try Self.resumable(trainer, whole?.document).map {
            CheckpointRule(
                glob: try CommandTemplate($0.glob).rendered(literals), step: $0.step, epoch: $0.epoch,
                stepField: $0.stepField, epochField: $0.epochField, isStepOfAttempt: $0.isStepOfAttempt ?? false,
                isEpochOfAttempt: $0.isEpochOfAttempt ?? false, with: $0.with ?? [],
                kind: $0.kind, complete: $0.complete,
                quiet: .seconds($0.quiet ?? CommandTrainer.CheckpointRule.usualQuiet))
        }
        samples = try trainer.samples.map { try CommandTemplate($0.glob).rendered(literals) }
        evaluate = trainer.evaluate
        isCore = job.trainer.isCore
        done = try trainer.done.map { rule in
            let ends = [rule.reaches, rule.step, rule.epoch].map { $0.flatMap { Self.target(of: $0, whole?.document) } }
            return DonePlan(
                file: try CommandTemplate(rule.file).rendered(literals), header: rule.header,
                target: ends[0], step: ends[1], epoch: ends[2])
        }
        clean = try (trainer.clean ?? []).map { try CommandTemplate($0).rendered(literals) }
        var stop = try Self.stop(trainer, values, literals, place)
        // A state that will not come is not waited for.
        if !trainer.checkpoints.isEmpty, stop.flag == nil, stop.file == nil,
            !rules.contains(where: { $0.kind == .state })
        {
            stop.wait = nil
        }
        self.stop = stop
        restored = try Self.restoreFolder(trainer, values, place)
        self.values = values
        self.files = files
    }

    /// The rules of checkpoints; without those of states where a resumed attempt would train too long: one
    /// that is told the epoch at which it begins counts its steps anew, so a length in steps ends it late.
    private static func resumable(
        _ trainer: CommandTrainer, _ document: ConfigDocument?
    ) -> [CommandTrainer.CheckpointRule] {
        let isByEpoch = trainer.resume.contains { CommandTemplate($0.text).names.contains("next_epoch") }
        guard isByEpoch, let end = trainer.done?.reaches, Double(end) == nil, target(of: end, document) == nil else {
            return trainer.checkpoints
        }
        return trainer.checkpoints.filter { $0.kind != .state }
    }

    private static func stop(
        _ trainer: CommandTrainer, _ values: [String: String], _ literals: [String: String], _ place: AttemptPlace
    ) throws -> StopPlan {
        var flag = trainer.stop.sqlite
        if let file = flag?.file { flag?.file = try target(file, values, place) }
        return StopPlan(
            wait: trainer.stop.waitSeconds.map { .seconds($0) },
            file: try trainer.stop.file.map { try CommandTemplate($0).rendered(literals) }, flag: flag,
            exits: Set((trainer.stop.exits ?? []).compactMap { Int32(exactly: $0) }))
    }

    /// Every name and its text. What a point sets comes before what the worker offers.
    private static func values(
        _ grant: Grant, _ given: [String: ParameterValue], _ trainer: CommandTrainer, _ place: AttemptPlace,
        _ around: AttemptSurroundings
    ) throws -> [String: String] {
        let job = grant.job
        var values: [String: String] = [
            "name": job.name ?? job.id.short, "sweep": job.sweep.text, "group": job.group,
            "master_port": String(around.port),
        ]
        if let resume = grant.resume {
            values["checkpoint_step"] = String(resume.step)
            values["checkpoint_epoch"] = String(resume.epoch)
            values["next_epoch"] = String(resume.epoch + 1)
        }
        for (name, text) in trainer.values ?? [:] { values[name] = text }
        for (name, value) in given { values[name] = try CommandTemplate.text(of: value) }
        values["seed"] = String(job.seed)
        values["out"] = place.out
        values["job"] = place.job
        values["attempt"] = String(grant.token.attempt.value)
        // A worker that knows of no GPUs hands on what it was told itself.
        values["gpus"] =
            around.vendors.isEmpty
            ? around.environment["CUDA_VISIBLE_DEVICES"] ?? "" : around.gpus.map(\.index).joined(separator: ",")
        values["threads"] = String(around.threads)
        values["radiata"] = around.program
        values.merge(around.prepared) { $1 }
        values["base"] = around.base
        values["data"] = around.data
        if let resume = grant.resume {
            let folder = try restoreFolder(trainer, values, place)
            values["checkpoint"] = Self.restored(resume, isCore: job.trainer.isCore, folder)
        }
        return values
    }

    /// The folder for a training state that is gone on from.
    private static func restoreFolder(
        _ trainer: CommandTrainer, _ values: [String: String], _ place: AttemptPlace
    ) throws -> String {
        guard let folder = trainer.restore else { return AttemptFolder(place.out).resume }
        return try target(folder, values, place)
    }

    /// `{checkpoint}`: the core gets its folder of states, a program the file or folder under its original
    /// name.
    static func restored(_ resume: StoredCheckpoint, isCore: Bool, _ folder: String) -> String {
        guard !isCore, let name = resume.files.first?.name.split(separator: "/").first.map(String.init) else {
            return folder
        }
        // As it was restored: its own name where that is text.
        return "\(folder)/\(String(validating: FileName.bytes(name), as: UTF8.self) ?? name)"
    }

    /// One argument of a command. A value never becomes an option of its own.
    ///
    /// - Throws: ``WorkerError`` for a text value that begins with `-` and stands alone.
    static func argument(_ template: String, _ values: [String: String]) throws -> String {
        let text = try CommandTemplate(template).rendered(values)
        if CommandTrainer.looksLikeOption(text), CommandTemplate(template).leadingName != nil {
            throw WorkerError(.badJob, "argument \(template): its value '\(text)' would be taken for an option")
        }
        return text
    }

    static func target(_ template: String, _ values: [String: String], _ place: AttemptPlace) throws -> String {
        let path = try CommandTemplate(template).rendered(values)
        guard path.hasPrefix(place.out + "/"), !path.split(separator: "/").contains("..") else {
            throw WorkerError(.badJob, "'\(template)' is \(path); wanted a place below {out}")
        }
        return path
    }

    /// Text values are escaped where the file's format has quotes.
    private static func content(_ template: CommandTrainer.TemplateFile, _ values: [String: String]) throws -> String {
        let hasQuotes = [".json", ".toml", ".yaml", ".yml"].contains { template.to.hasSuffix($0) }
        guard hasQuotes else { return try CommandTemplate(template.content).rendered(values) }
        let escaped = values.mapValues { value in
            value.reduce(into: "") { text, character in
                switch character {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.append(character)
                }
            }
        }
        return try CommandTemplate(template.content).rendered(escaped)
    }
}

extension CommandTrainer {
    /// Whether any of its texts is a pattern of paths.
    fileprivate var hasPatterns: Bool {
        !checkpoints.isEmpty || !samples.isEmpty || done != nil || clean?.isEmpty == false || stop.file != nil
    }
}
