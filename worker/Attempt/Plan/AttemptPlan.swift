import Ports
import RunSpec
package import SweepModel
import SweepWire

/// How one attempt is run and where its results appear: every template rendered, nothing left to decide.
package struct AttemptPlan: Sendable {
    package struct CheckpointRule: Sendable {
        package let glob: String
        package let step: String?
        package let kind: CommandTrainer.CheckpointRule.Kind
        /// A file that says that a match is whole.
        package var complete: String?
        /// How long a match must lie still while its trainer runs.
        package var quiet: Duration = .seconds(CommandTrainer.CheckpointRule.usualQuiet)
    }

    /// A file of JSON lines.
    package struct MetricFile: Sendable {
        package let path: String
        /// The key of the step.
        package let step: String

        package init(path: String, step: String) {
            self.path = path
            self.step = step
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
    /// What is written before the start: the job, templates.
    package let files: [(path: String, text: String)]
}

/// What a plan depends on besides the grant.
package struct AttemptSurroundings: Sendable {
    var base: String?
    var data: String?
    var regData: String?
    var clip: String?
    var threads: Int
    /// GPUs of the attempt alone.
    var gpus: [GPUDevice]
    /// Of the worker: whose variables are set.
    var vendors: Set<GPUDevice.Vendor>
    var program: String
    /// The worker's own environment, from which trainers get an allow-list.
    var environment: [String: String]

    package init(
        base: String? = nil, data: String? = nil, regData: String? = nil, threads: Int, gpus: [GPUDevice] = [],
        vendors: Set<GPUDevice.Vendor> = [], program: String, environment: [String: String]
    ) {
        self.base = base
        self.data = data
        self.regData = regData
        self.threads = threads
        self.gpus = gpus
        self.vendors = vendors
        self.program = program
        self.environment = environment
    }
}

extension AttemptPlan {
    /// - Throws: ``WorkerError`` with `badJob`, or the `SweepModelError` of a template.
    package init(_ grant: Grant, place: AttemptPlace, _ around: AttemptSurroundings) throws {
        let job = grant.job
        let trainer = job.trainer.program
        var values: [String: String] = [:]
        for (name, value) in job.given.merging(job.parameters, uniquingKeysWith: { $1 }) {
            values[name] = try CommandTemplate.text(of: value)
        }
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
        values["base"] = around.base
        values["data"] = around.data
        if let resume = grant.resume { values["checkpoint"] = Self.restored(resume, isCore: job.trainer.isCore, place) }

        func rendered(_ text: String) throws -> String { try CommandTemplate(text).rendered(values) }
        var arguments = try (trainer.command + (grant.resume == nil ? [] : trainer.resume)).map {
            try Self.argument($0, values)
        }
        guard let program = arguments.first, !program.isEmpty else {
            throw WorkerError(.badJob, "trainer \(job.trainer.name): its command is empty")
        }
        if program == around.program { arguments[0] = "radiata" }
        var files = [
            (
                path: place.job,
                text: try job.trainerFile(
                    base: around.base, data: around.data, regData: around.regData, clip: around.clip, out: place.out,
                    resume: values["checkpoint"])
            )
        ]
        for template in trainer.files {
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
        metrics = try trainer.metrics.map { MetricFile(path: try rendered($0.path), step: $0.step ?? "step") }
        // A bracket in a folder's name is no part of the pattern.
        let literals = values.mapValues(PathPattern.escaped)
        rules = try trainer.checkpoints.map {
            CheckpointRule(
                glob: try CommandTemplate($0.glob).rendered(literals), step: $0.step, kind: $0.kind,
                complete: $0.complete,
                quiet: .seconds($0.quiet ?? CommandTrainer.CheckpointRule.usualQuiet))
        }
        samples = try trainer.samples.map { try CommandTemplate($0.glob).rendered(literals) }
        evaluate = trainer.evaluate
        isCore = job.trainer.isCore
        self.values = values
        self.files = files
    }

    /// `{checkpoint}`: the core gets its folder of states, a program the file or folder under its original
    /// name.
    static func restored(_ resume: StoredCheckpoint, isCore: Bool, _ place: AttemptPlace) -> String {
        let folder = AttemptFolder(place.out).resume
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

    private static func target(_ template: String, _ values: [String: String], _ place: AttemptPlace) throws -> String {
        let path = try CommandTemplate(template).rendered(values)
        guard path.hasPrefix(place.out + "/"), !path.split(separator: "/").contains("..") else {
            throw WorkerError(.badJob, "files: '\(template)' is written to \(path); wanted a place below {out}")
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
