import RunSpec
import SweepModel

/// A sweep file of W&B as one of ours: the same runs, with the program as it is.
///
/// Runs are started as `wandb agent` starts them: in the folder of the sweep file, with their values as
/// arguments. `wandb.config` has them too, since the package reads them from a file that an environment
/// variable names. The package logs offline, into the attempt's folder.
package struct WandbSweep: Sendable {
    /// What the file does not say itself.
    package struct Surroundings: Sendable {
        /// The folder of the sweep file, absolute: programs are started there.
        package var folder: String
        /// The name of a sweep that has none.
        package var name: String
        /// Runs of a random search (`wandb agent --count`).
        package var count: Int?
        /// For `${envvar:NAME}`.
        package var environment: [String: String]
        /// Whether something lies at an absolute path of this machine.
        package var exists: @Sendable (String) -> Bool

        package init(
            folder: String, name: String, count: Int? = nil, environment: [String: String] = [:],
            exists: @escaping @Sendable (String) -> Bool = { _ in true }
        ) {
            self.folder = folder
            self.name = name
            self.count = count
            self.environment = environment
            self.exists = exists
        }
    }

    /// Our sweep file.
    package let text: String
    /// What is done otherwise than W&B would, a sentence each.
    package let notes: [String]

    /// - Parameters:
    ///   - text: of W&B's file.
    ///   - file: its name in messages.
    /// - Throws: `SweepFileError` with every fault: what is no sweep file of W&B, and what cannot be run.
    package init(_ text: String, file: String, _ around: Surroundings) throws(SweepFileError) {
        let root = try YAMLReader.read(text, file: file)
        var reader = WandbReader(file: file, around: around)
        let sweep = reader.sweep(root)
        guard reader.decoder.faults.isEmpty, let sweep else {
            throw SweepFileError(code: .invalid, faults: reader.decoder.faults)
        }
        self.text = sweep
        notes = reader.notes
    }
}

/// One reading of a file. What is faulty is noted and left out, so that all faults come together.
struct WandbReader {
    static let keys = [
        "method", "program", "command", "parameters", "metric", "early_terminate", "run_cap", "name", "description",
        "project", "entity", "kind", "apiVersion", "controller", "scheduler", "job", "image_uri", "metrics",
    ]

    var decoder: SweepFileDecoder
    let file: String
    let around: WandbSweep.Surroundings
    var notes: [String] = []
    /// In the order of the file, nested ones in their place.
    var parameters: [WandbParameter] = []

    init(file: String, around: WandbSweep.Surroundings) {
        self.file = file
        self.around = around
        decoder = SweepFileDecoder(
            file: file, inputs: BundledSweepInputs(LaunchBundle(fileName: file, text: "")))
    }

    mutating func refuse(_ mark: SourceMark, _ message: String) { decoder.refuse(mark, message) }

    mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    /// - Returns: nil where something is faulty.
    mutating func sweep(_ root: YAMLNode) -> String? {
        let top = decoder.entries(root, of: "a sweep file of W&B", keys: Self.keys)
        for key in ["job", "image_uri", "scheduler", "metrics"] {
            guard let entry = top[key] else { continue }
            refuse(entry.keyMark, "'\(key)' needs W&B's service; name the 'program' and its 'parameters' instead")
        }
        let isRandom = method(top["method"], root)
        guard let entry = top["parameters"] else {
            refuse(root.mark, "'parameters' is missing: what the runs differ in")
            return nil
        }
        parameters = parameters(entry.value, below: [], isGrid: isRandom == false)
        let command = command(top["command"], program: top["program"], root)
        let group = group(isRandom: isRandom ?? false, runCap: top["run_cap"], entry.value.mark)
        leaveOut(top)
        let metric = top["metric"].flatMap { self.metric($0.value) }
        guard decoder.faults.isEmpty, let command, let group else { return nil }
        var lines = [
            "# Made of \(file), a sweep file of W&B: the same runs, started in its folder, logged offline.",
            "name: \(name(top["name"]))", "trainer:", "  command:",
        ]
        lines += command.arguments.map { "    - \($0)" }
        lines += ["  files:", "    - to: \"{out}/wandb-config.yaml\"", "      text: \(Self.quoted(configText))"]
        if command.needsFile {
            lines += ["    - to: \"{out}/args.json\"", "      text: \(Self.quoted(WandbParameter.json(always)))"]
        }
        lines += ["  env:"] + environment(top["project"]).map { "    \($0.name): \(Self.quoted($0.value))" }
        lines += ["  metrics: [ { wandb: \"{out}/wandb\" } ]"]
        if let metric { lines.append("metrics: { \(metric) }") }
        lines += ["groups:"] + group
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Returns: whether values are drawn; nil where it is none that can be run.
    private mutating func method(_ entry: YAMLEntry?, _ root: YAMLNode) -> Bool? {
        guard let entry else {
            refuse(root.mark, "'method' is missing; wanted grid or random")
            return nil
        }
        switch decoder.source(entry.value, "method") {
        case "grid": return false
        case "random": return true
        case "bayes", "custom":
            refuse(
                entry.value.mark,
                "method: \(decoder.source(entry.value, "method") ?? "") is not run: no value is chosen by earlier results "
                    + "here. Write method: random with run_cap: N (or method: grid), launch it, and ask 'radiata advise "
                    + "SWEEP' where to look next")
        case let other:
            if let other { refuse(entry.value.mark, "method is '\(other)'; wanted grid or random") }
        }
        return nil
    }

    private mutating func name(_ entry: YAMLEntry?) -> String {
        let own = entry.flatMap { decoder.source($0.value, "name") } ?? around.name
        let name = own.lowercased().unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? String(scalar) : "-"
        }.joined()
        let parts = name.split(separator: "-")
        return parts.isEmpty ? "wandb" : String(parts.joined(separator: "-").prefix(100))
    }

    private mutating func leaveOut(_ top: [String: YAMLEntry]) {
        if top["early_terminate"] != nil {
            note(
                "early_terminate is left out: no run is ended by comparing it with others. In a sweep file of Radiata "
                    + "stop_when: { metric: M, patience: N } ends a run that no longer becomes better")
        }
        if top["entity"] != nil || top["controller"] != nil {
            note("entity and controller are left out: the coordinator here is the controller")
        }
    }

    /// `NAME: { better: lower, weight: 1 }`.
    private mutating func metric(_ node: YAMLNode) -> String? {
        let known = decoder.entries(
            node, of: "metric", keys: ["name", "goal", "target", "impute", "impute_while_running"])
        guard let name = known["name"].flatMap({ decoder.text($0.value, "metric.name") }) else { return nil }
        let goal = known["goal"].flatMap { decoder.source($0.value, "metric.goal") } ?? "minimize"
        guard ["minimize", "maximize"].contains(goal) else {
            refuse(node.mark, "metric.goal is '\(goal)'; wanted minimize or maximize")
            return nil
        }
        if known["target"] != nil {
            note("metric.target is left out: runs go on when one has reached it")
        }
        return "\(Self.quoted(name)): { better: \(goal == "maximize" ? "higher" : "lower"), weight: 1 }"
    }

    /// What the package needs to log offline, with the values as its own.
    private mutating func environment(_ project: YAMLEntry?) -> [(name: String, value: String)] {
        var all = [
            ("WANDB_MODE", "offline"), ("WANDB_DIR", "{out}"), ("WANDB_RUN_ID", "{name}-{attempt}"),
            ("WANDB_NAME", "{name}"), ("WANDB_SWEEP_ID", "{sweep}"),
            ("WANDB_SWEEP_PARAM_PATH", "{out}/wandb-config.yaml"),
        ]
        if let project = project.flatMap({ decoder.source($0.value, "project") }) {
            all.append(("WANDB_PROJECT", project))
        }
        return all.map { (name: $0.0, value: $0.1) }
    }

    /// Those that have a value in every run.
    var always: [WandbParameter] { parameters.filter { !$0.mayBeNull } }

    /// What `wandb.init` reads as the values of the sweep.
    private var configText: String {
        "wandb_version: 1\n"
            + WandbParameter.tree(always).map { "\(Self.quoted($0.key)):\n  value: \($0.value)\n" }.joined()
    }

    /// JSON, which is YAML.
    /// Text is never refused.
    static func quoted(_ text: String) -> String { (try? CanonicalJSON.text(.text(text))) ?? "\"\"" }
}
