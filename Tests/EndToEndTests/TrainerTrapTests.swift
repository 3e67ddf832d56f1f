import Foundation
import TestSupport
import Testing

/// Traps of trainers that no test of their own profile shows: the stand-ins fall into them by themselves
/// (Tests/Trainers/falls.py), jobs of the profiles do not. docs/reference/trainer-traps.md lists them all.
@Suite("Traps of trainers")
struct TrainerTrapTests {
    private static let script = SourceTree.path("Tests/Trainers/falls.py")
    private static let page = SourceTree.path("docs/reference/trainer-traps.md")

    @Test("every stand-in falls into the traps of its trainer by itself")
    func falls() throws {
        let ended = try BareRun(["-B", Self.script], in: try TemporaryFolder())
        let lines = ended.output.split(separator: "\n")
        #expect(ended.status == 0 && lines.allSatisfy { $0.hasPrefix("fell ") } && lines.count > 20, "\(ended.output)")
    }

    @Test("the page names tests that exist, and leaves out none that shows a trap")
    func page() throws {
        let text = try String(contentsOfFile: Self.page, encoding: .utf8)
        let python = try String(contentsOfFile: Self.script, encoding: .utf8)
        let named = Set(text.matches(of: /`([A-Za-z]+Tests|falls)\.([A-Za-z_]+)`/).map { "\($0.1).\($0.2)" })
        var shown: Set<String> = Set(
            python.matches(
                of: /\ndef ((?:kohya|musubi|ai_toolkit|onetrainer|simpletuner|diffusion_pipe)_\w+)\(folder\)/
            )
            .map { "falls.\($0.1)" })
        #expect(shown.count > 20)
        for name in named where !name.hasPrefix("falls.") {
            let parts = name.split(separator: ".")
            let files = ["EndToEndTests", "SweepAnalysisTests", "SweepFileTests", "WorkerTests"].map {
                SourceTree.path("Tests/\($0)/\(parts[0]).swift")
            }
            let source = files.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.first
            #expect(source?.contains("func \(parts[1])(") == true, "the page names \(name), which is not there")
        }
        for suite in ["Kohya", "Musubi", "AIToolkit", "OneTrainer", "SimpleTuner", "DiffusionPipe"] {
            let path = SourceTree.path("Tests/EndToEndTests/\(suite)Tests.swift")
            let source = try String(contentsOfFile: path, encoding: .utf8)
            shown.formUnion(source.matches(of: /func (trap\w+)\(/).map { "\(suite)Tests.\($0.1)" })
        }
        #expect(shown.subtracting(named).isEmpty, "not on the page")
        #expect(named.filter { $0.hasPrefix("falls.") }.isSubset(of: shown))
    }

    // MARK: With the profiles

    /// One sweep of one job, and what must be true when all have ended.
    private struct Case {
        let name: String
        let profile: String
        let config: String
        let file: String
        let values: [String: String]
        var point = "stub_plain: true"
        var more = ""
        var trainer = ""

        func sweep(_ path: String) -> String {
            let values = self.values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
            return """
                name: \(name)
                trainer:
                  profile: \(profile)
                  config: \(path)
                  values: { \(values) }
                  \(trainer)
                seeds: [3]
                retries: { crash: 0, nan: 0 }
                groups: [ { list: [ { \(point) } ] } ]
                \(more)

                """
        }
    }

    private static let kohya = ["script": KohyaTests.script, "accelerate": KohyaTests.accelerate]
    private static let musubi = ["script": MusubiTests.script, "accelerate": KohyaTests.accelerate]
    private static let pipe = [
        "script": DiffusionPipeTests.folder + "/train.py", "deepspeed": DiffusionPipeTests.folder + "/deepspeed",
    ]
    private static let toml = """
        network_dim = 8
        learning_rate = 1e-4
        max_train_epochs = 2
        log_with = "wandb"

        """
    private static let json = """
        { "epochs": 4, "learning_rate": 3e-4, "lora_rank": 8, "lora_alpha": 4.0,
          "sample_after": 1, "sample_after_unit": "EPOCH", "gradient_accumulation_steps": 2 }

        """
    private static let simple = """
        { "learning_rate": 1e-4, "lora_rank": 8, "train_batch_size": 2, "max_train_steps": 10,
          "checkpoint_step_interval": 4 }

        """
    /// Without what the profile has to set.
    private static let yaml = AIToolkitTests.yaml().replacing("        use_ui_logger: true\n", with: "").replacing(
        "        log_every: 1\n", with: "        verbose: false\n")

    private static let batch = "config.process[0].train.batch_size"

    private static let cases = [
        Case(
            name: "kohya-nan", profile: "kohya", config: toml, file: "k.toml", values: kohya, point: "stub_nan: 3"),
        Case(
            name: "musubi-nan", profile: "musubi", config: toml, file: "m.toml", values: musubi, point: "stub_nan: 3"),
        Case(
            name: "musubi-cache", profile: "musubi", config: toml, file: "c.toml", values: musubi,
            trainer: """
                set: { stub_cache: "{prepare.latents}/cache" }
                  prepare: { latents: { command: [touch, "{prepared}/cache"], scope: fleet } }
                """),
        Case(
            name: "ai-toolkit-log", profile: "ai-toolkit", config: yaml, file: "l.yaml",
            values: ["script": AIToolkitTests.script]),
        Case(
            name: "ai-toolkit-oom", profile: "ai-toolkit", config: yaml, file: "o.yaml",
            values: ["script": AIToolkitTests.script],
            point: "stub_oom: 5, stub_oom_steps: 4, stub_oom_batch: 2, \"\(batch)\": 2",
            more: "on_oom: { \"\(batch)\": \"\(batch) / 2\" }"),
        Case(
            name: "onetrainer-samples", profile: "onetrainer", config: json, file: "s.json",
            values: ["script": OneTrainerTests.script]),
        Case(
            name: "onetrainer-nan", profile: "onetrainer", config: json, file: "n.json",
            values: ["script": OneTrainerTests.script], point: "stub_nan: 6"),
        Case(
            name: "simpletuner-oom", profile: "simpletuner", config: simple, file: "t.json",
            values: ["simpletuner": SimpleTunerTests.program],
            point: "train_batch_size: 2, stub_oom_step: 6, stub_oom_batch: 2",
            more: "on_oom: { train_batch_size: train_batch_size / 2 }"),
        Case(
            name: "pipe-epochs", profile: "diffusion-pipe",
            config: "epochs = 4\n[adapter]\ntype = \"lora\"\nrank = 8\n[optimizer]\nlr = 2e-4\n", file: "p.toml",
            values: pipe),
    ]

    @Test("jobs of the profiles do not fall: logs, samples, memory, caches, numbers", .timeLimit(.minutes(15)))
    func profiles() throws {
        let house = try House()
        try house.startCoordinator()
        for item in Self.cases {
            let config = try house.folder.write(item.file, item.config)
            let file = try house.folder.write("\(item.name).yaml", item.sweep(config))
            let launched = try house.radiata(["launch", file])
            try #require(launched.status == 0, "\(item.name): \(launched)")
        }
        for name in ["a", "b"] { _ = try house.startWorker(name) }
        try house.waitForEnd()
        func row(_ sweep: String) throws -> [String: Any] {
            try #require(
                try house.query("SELECT * FROM jobs WHERE sweep = '\(sweep)' AND kind = 'train'").first, "\(sweep)")
        }
        func steps(_ sweep: String, _ key: String) throws -> [Int] {
            try house.query(
                """
                SELECT DISTINCT m.step FROM metrics m JOIN jobs j ON j.id = m.job
                WHERE j.sweep = '\(sweep)' AND m.key = '\(key)' ORDER BY 1
                """
            ).compactMap { ($0["step"] as? NSNumber)?.intValue }
        }
        for name in ["kohya-nan", "musubi-nan", "onetrainer-nan"] {
            let ended = try row(name)
            #expect(ended["state"] as? String != "done" && ended["failure"] as? String == "nan", "\(name): \(ended)")
        }
        for item in Self.cases where !item.name.hasSuffix("-nan") {
            let ended = try row(item.name)
            #expect(ended["state"] as? String == "done", "\(item.name): \(ended)\n\(house.allLogs())")
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE sweep = 'musubi-cache' AND kind = 'prepare'") == 1)
        let status = try house.radiata(["status", "musubi-cache"]).output
        #expect(status.contains("preparations: 1/1 done"), "\(status)")
        #expect(try steps("ai-toolkit-log", "loss") == [10])
        #expect(try row("ai-toolkit-oom")["fallback"] as? String == "{\"\(Self.batch)\":1}")
        // From the beginning, with half the batch: a state of the whole one is refused.
        #expect(try row("simpletuner-oom")["fallback"] as? String == #"{"train_batch_size":1}"#)
        #expect(try steps("simpletuner-oom", "loss") == Array(1...10))
        #expect(try steps("pipe-epochs", "train/epoch_loss/epoch") == [1, 2, 3, 4])
        #expect(try steps("pipe-epochs", "train/epoch_loss") == [4, 8, 12, 16])
        try samples(house)
    }

    /// Each picture of OneTrainer once, with its prompt, though it writes each twice, two under one name.
    private func samples(_ house: House) throws {
        let names = try house.query(
            """
            SELECT a.name FROM artifacts a JOIN jobs j ON j.id = a.job
            WHERE j.sweep = 'onetrainer-samples' AND a.kind = 'sample' ORDER BY 1
            """
        ).compactMap { $0["name"] as? String }
        #expect(names.count == 8 && Set(names).count == 8, "\(names)")
        #expect(names.count { $0.hasPrefix("0 - a cat_") && $0.contains("-training-sample-") } == 4, "\(names)")
        let grid = house.folder.path + "/samples.png"
        let drawn = try house.radiata(["grid", "onetrainer-samples", "--x", "epoch", "--y", "prompt", "-o", grid])
        #expect(drawn.status == 0 && drawn.messages.contains("8 cells"), "\(drawn)")
    }

    @Test("check names what a trainer would take without a word: nearly right keys, dashes, variables")
    func check() throws {
        let folder = try TemporaryFolder()
        func found(_ item: Case, _ config: String, _ point: String) throws -> String {
            var item = item
            item.point = point
            let path = try folder.write(item.file, config)
            return try RadiataProgram.run(["check", try folder.write("s.yaml", item.sweep(path))]).output
        }
        let musubi = try found(
            Self.cases[1], Self.toml + "netwrok_alpha = 4\nfp8_t5 = true\nedit_version = \"x\"\n", "network_dmi: 4")
        #expect(musubi.contains("'netwrok_alpha'") && musubi.contains("did you mean 'network_alpha'?"), "\(musubi)")
        #expect(musubi.contains("'network_dmi'") && musubi.contains("did you mean 'network_dim'?"), "\(musubi)")
        #expect(!musubi.contains("fp8_t5") && !musubi.contains("edit_version"), "\(musubi)")
        let dashes = Self.simple.replacing("\"max_train_steps\"", with: "\"--max_train_steps\"")
        let simple = try found(Self.cases[7], dashes, "max_train_steps: 4")
        #expect(simple.contains("'--max_train_steps' stands beside 'max_train_steps'"), "\(simple)")
        let toolkit = try found(
            Self.cases[3], Self.yaml.replacing("cuda:0", with: "${MY_DEVICE}"), "\"config.process[0].train.lr\": 1e-4")
        #expect(toolkit.contains("${MY_DEVICE}") && toolkit.contains("env: { MY_DEVICE: … }"), "\(toolkit)")
    }
}
