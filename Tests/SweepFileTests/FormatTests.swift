import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Format")
struct FormatTests {
    @Test("plain scalars follow YAML 1.2's core schema, not 1.1")
    func schema() throws {
        // Of the spellings below only the numbers are numbers; the rest is text.
        let text = """
            name: t
            trainer: { command: ["true"] }
            groups:
              - list:
                  - { a: 010, b: 0x1F, c: 0o17, d: 5e-4, e: .5, f: 1., g: +3, h: 1e3, i: on, j: yes, k: 1:30, l: 1_000,
                      m: TRUE, n: ~, o: "1", p: '2', q: 0b1, r: 1e, s: .inf5, t: -.5, u: !!str 7, v: 2026-11-21 }
            """
        let given = try read(text).plan.configurations[0].given
        #expect(
            given == [
                "a": 10, "b": 31, "c": 15, "d": 0.0005, "e": 0.5, "f": 1, "g": 3, "h": 1000, "i": "on", "j": "yes",
                "k": "1:30",
                "l": "1_000", "m": true, "o": "1", "p": "2", "q": "0b1", "r": "1e", "s": ".inf5", "t": -0.5, "u": "7",
                "v": "2026-11-21",
            ])
    }

    @Test("everything beside the search space is read")
    func surroundings() throws {
        let text = """
            name: t
            base: b
            data: d
            reg_data: r
            seeds: 7
            checkpoints: { epochs: [2, 1], steps: 5, state_every: 1m30s }
            evaluate: { prompts: [style, train], images: 3, steps: 9, guidance: 2.5, clip: encoders/large }
            requires: { labels: { room: 12, gpu: a100 }, gpus: 2, memory: 8GB, gpu_memory: 20GB, gpu: 4090|A6000 }
            retries: { crash: 0, oom: 9, disk-full: 2 }
            timeout: 2h
            keep: { best: { metric: image_similarity, count: 2 }, last: 3, bytes: 1.5GiB }
            priority: -5
            groups: [ { baseline: { lr: 1e-3 } } ]
            """
        let sweep = try read(text).definition
        #expect(sweep.seeds == [7] && sweep.priority == -5 && sweep.timeoutSeconds == 7200)
        #expect(sweep.checkpoints == CheckpointPlan(epochs: [1, 2], steps: [5], stateEverySeconds: 90))
        #expect(sweep.evaluation == EvaluationSpec(prompts: [.style, .train], images: 3, steps: 9, guidance: 2.5))
        #expect(
            sweep.requirements
                == RequirementSpec(
                    labels: ["room": "12", "gpu": "a100"], gpus: 2, memoryBytes: 8_000_000_000,
                    gpuMemoryBytes: 20_000_000_000, gpuNames: "4090|A6000"))
        func needs(_ text: String) throws -> RequirementSpec {
            try read("name: t\nbase: b\ndata: d\nrequires: {\(text)}\ngroups: [ { baseline: { lr: 1e-3 } } ]")
                .definition.requirements
        }
        // A kind of GPU asks for one; no GPU at all is another wish than none said.
        #expect(try needs("gpu: 4090") == RequirementSpec(gpus: 1, gpuNames: "4090"))
        #expect(try needs("gpu_memory: 8GiB") == RequirementSpec(gpus: 1, gpuMemoryBytes: 8 << 30))
        #expect(try needs("gpus: 0") == RequirementSpec(leavesGPUs: true))
        #expect(sweep.retries == RetrySpec(budgets: [.crash: 0, .oom: 9, .diskFull: 2]))
        #expect(
            sweep.retention
                == RetentionPolicy(best: .init(metric: "image_similarity", count: 2), last: 3, bytes: 1_610_612_736))
        #expect(sweep.regData?.digest == ContentDigest.of("r"))
        #expect(sweep.encoders[.clip]?.digest == ContentDigest.of("encoders/large"))
        #expect(sweep.groups[0].name == "group-1")
    }

    @Test(
        "a share is held out as people write it, and named among the prompts it changes nothing",
        arguments: ["20 %", "20%", "0.2", "2e-1", "\"20 %\""])
    func holdout(written: String) throws {
        func sweep(_ evaluate: String) throws -> SweepDefinition {
            try read(
                "name: t\nbase: b\ndata: d\nevaluate: { \(evaluate) }\ngroups: [ { baseline: { lr: 1e-3 } } ]"
            ).definition
        }
        let plain = try sweep("holdout: \(written)")
        #expect(plain.evaluation == EvaluationSpec(holdout: 0.2))
        #expect(plain.evaluation?.drawn == [.train, .trigger, .alter, .style, .holdout])
        let named = try sweep("prompts: [holdout, train], holdout: \(written)")
        #expect(named.evaluation == EvaluationSpec(prompts: [.train], holdout: 0.2))
        #expect(try sweep("images: 5").evaluation?.drawn == [.train, .trigger, .alter, .style])
    }

    @Test("encoders, wanted metrics, words and fit are read; none of them is in the job's id")
    func measuring() throws {
        func sweep(_ evaluate: String) throws -> SweepFile {
            try read(
                "name: t\nbase: b\ndata: d\nevaluate: { images: 5\(evaluate) }\ngroups: [ { baseline: { lr: 1e-3 } } ]")
        }
        let plain = try sweep("")
        let named = try sweep(
            ", dinov2: e/d, vgg19: v.safetensors, lpips: l, pickscore: p, hpsv2: h, metrics: [kid@dinov2, vendi_q2], fit: pad"
        )
        let guided = try sweep(", image_guidance: 1.2")
        #expect(guided.definition.evaluation?.imageGuidance == 1.2 && plain.definition.evaluation?.imageGuidance == nil)
        #expect(guided.plan.jobs.map(\.id) == plain.plan.jobs.map(\.id))
        #expect(named.definition.evaluation?.metrics == ["kid@dinov2", "vendi_q2"])
        #expect(named.definition.evaluation?.fit == .pad)
        #expect(Set(named.definition.encoders.keys) == [.dinov2, .vgg19, .lpips, .pickscore, .hpsv2])
        #expect(named.definition.encoders[.dinov2]?.digest == ContentDigest.of("e/d"))
        #expect(named.plan.jobs.map(\.id) == plain.plan.jobs.map(\.id))
        let jobs = try named.definition.resolvedJobs(named.plan)
        #expect(Set(jobs[0].encoders.keys) == Set(named.definition.encoders.keys) && jobs[0].inputs.count == 7)
        // As a worker gets it, and as earlier programs wrote it.
        let bytes = try JSONEncoder().encode(jobs[0])
        var sent = jobs[0]
        sent.former = nil
        #expect(try JSONDecoder().decode(ResolvedJob.self, from: bytes) == sent)
        let pair = try sweep(", clip: e/c")
        #expect(pair.plan.jobs.map(\.id) == plain.plan.jobs.map(\.id))
        func former(_ sweep: SweepFile) -> ConfigurationID? { sweep.plan.configurations[0].former?.configuration }
        #expect(former(pair) != former(plain) && former(named) == former(plain))
        let text = try String(decoding: JSONEncoder().encode(pair.definition.resolvedJobs(pair.plan)[0]), as: UTF8.self)
        #expect(text.contains("\"clip\":{") && !text.contains("\"encoders\""))
        #expect(try sweep(", prompt_set: lycoris").definition.evaluation?.promptSet == .lycoris)
        #expect(try sweep(", prompt_set: plain").plan.jobs.map(\.id) == plain.plan.jobs.map(\.id))
        let other = try sweep(", prompt_set: lycoris")
        #expect(other.plan.jobs.map(\.id) == plain.plan.jobs.map(\.id) && former(other) != former(plain))
    }

    @Test("a command trainer is read whole, and its identity follows its template")
    func commandTrainer() throws {
        let text = """
            name: t
            trainer:
              command: [python3, train.py, --lr, "{lr}", --steps, 100, --out, "{out}"]
              resume: [--resume, "{checkpoint}"]
              files: [ { from: config.toml.in, to: "{out}/config.toml" } ]
              env: { OMP_NUM_THREADS: 2 }
              metrics: [ { jsonl: "{out}/metrics.jsonl" }, { jsonl: "{out}/m2", step: global_step } ]
              checkpoints: [ { glob: "{out}/ckpt-*.safetensors", step: "ckpt-([0-9]+)", kind: adapter }, { glob: \
              "{out}/s", kind: state, complete: DONE, quiet: 1m } ]
              samples: [ { glob: "{out}/samples/*.png" } ]
              stop: { signal: INT, grace: 5s }
              evaluate: [python3, evaluate.py, "{checkpoint}"]
            groups: [ { grid: { lr: [1e-4, 1e-3], anything: [a, b] } } ]
            """
        let file = try read(text, FakeInputs(files: ["config.toml.in": "x = \"{anything}\""]))
        let trainer = try #require(file.definition.trainer.command)
        #expect(trainer.metrics.map(\.step) == [nil, "global_step"])
        #expect(trainer.checkpoints.map(\.complete) == [nil, "DONE"] && trainer.checkpoints.map(\.quiet) == [nil, 60])
        #expect(trainer.command.suffix(4) == ["--steps", "100", "--out", "{out}"])
        #expect(
            trainer.files == [.init(from: "config.toml.in", to: "{out}/config.toml", content: "x = \"{anything}\"")])
        #expect(trainer.env == ["OMP_NUM_THREADS": "2"] && trainer.stop == .init(signal: .int, graceSeconds: 5))
        #expect(
            trainer.checkpoints.map(\.kind) == [.adapter, .state] && trainer.checkpoints[0].step == "ckpt-([0-9]+)")
        #expect(file.plan.jobs.count == 4)
        let other = try read(text, FakeInputs(files: ["config.toml.in": "y = \"{anything}\""]))
        #expect(Set(other.plan.jobs.map(\.id)).isDisjoint(with: file.plan.jobs.map(\.id)))
        #expect(try SweepFile.read(file.bundle).plan == file.plan)
    }

    @Test("a command that needs a value nobody sets is refused, and so is a reserved name")
    func commandFaults() {
        func fault(_ command: String, _ group: String) -> String {
            let text = "name: t\ntrainer: { command: [\(command)] }\ngroups: [ { list: [ { \(group) } ] } ]"
            return (#expect(throws: SweepFileError.self) { try read(text) })?.description ?? ""
        }
        #expect(fault("\"{dim}\"", "lr: 1").contains("no value for {dim}"))
        #expect(fault("\"true\"", "out: 1").contains("'out' cannot be a parameter"))
        #expect(fault("\"true\"", "a-b: 1").contains("'a-b' cannot be a parameter"))
        #expect(fault("", "a: 1").contains("command is empty"))
    }

    @Test("a profile's faults carry the profile's name and place")
    func profileFaults() {
        let text = "name: t\ntrainer: mine\ngroups: [ { list: [ { a: 1 } ] } ]"
        let inputs = FakeInputs(files: [
            "mine.yaml": "command: [x]\nstop: { signl: TERM }\ncheckpoints: [ { step: \"[\" } ]"
        ])
        let error = #expect(throws: SweepFileError.self) { try read(text, inputs) }
        #expect(error?.faults.map(\.file) == ["mine.yaml", "mine.yaml"])
        #expect(error?.faults.first?.mark == SourceMark(line: 2, column: 9))
    }

    @Test("the order of keys changes neither jobs nor ids")
    func keyOrder() throws {
        let a = core("{ grid: { algorithm: [lora, loha], lr: [1, 2] }, baseline: { dim: 8, alpha: 4 } }")
        let b =
            "groups:\n  - { baseline: { alpha: 4.0, dim: 8e0 }, grid: { lr: [1.0, 2], algorithm: [locon, loha] } "
            + "}\nseeds: [1]\ndata: d\nbase: b\nname: t\n"
        #expect(Set(try read(a).plan.jobs.map(\.id)) == Set(try read(b).plan.jobs.map(\.id)))
    }

    @Test("a file is looked for beside the sweep file, then in the working directory")
    func lookup() throws {
        let root = "/tmp/radiata-sweepfile-\(SystemRandom().hexadecimal(bytes: 6))"
        let files = DiskFiles()
        defer { try? files.remove(root) }
        try files.makeFolder(root + "/work/sweeps/sub")
        try files.makeFolder(root + "/work/worker/profiles")
        try files.writeAtomically(Array("here".utf8), to: root + "/work/sweeps/sub/base.safetensors")
        try files.writeAtomically(Array("there".utf8), to: root + "/work/data.bin")
        try files.writeAtomically(Array("command: [sh, \"{lr}\"]\n".utf8), to: root + "/work/worker/profiles/own.yaml")
        let inputs = LocalSweepInputs(sweepFile: "sweeps/sub/s.yaml", workingDirectory: root + "/work") { path in
            try TreeDigest.compute(path).digest
        }
        let base = try inputs.input("./base.safetensors", .data)
        #expect(base.path == root + "/work/sweeps/sub/base.safetensors" && base.digest == ContentDigest.of("here"))
        #expect(try inputs.input("data.bin", .data).digest == ContentDigest.of("there"))
        let missing = try inputs.input("nothing", .data)
        #expect(
            missing.digest == nil && missing.searched == [root + "/work/sweeps/sub/nothing", root + "/work/nothing"])
        let file = try SweepFile.read(
            "name: t\ntrainer: own\ngroups: [ { list: [ { lr: 1 } ] } ]", name: "s.yaml", inputs: inputs)
        #expect(file.definition.trainer.name == "own")
        #expect(try SweepFile.read(file.bundle).plan == file.plan)
    }

    @Test("the profiles in the program are those of worker/profiles, and they read")
    func profiles() throws {
        let folder = repository + "/worker/profiles"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        #expect(Set(names) == Set(EmbeddedProfiles.all.keys.map { $0 + ".yaml" }))
        for (name, text) in EmbeddedProfiles.all {
            #expect(try String(contentsOfFile: "\(folder)/\(name).yaml", encoding: .utf8) == text)
            // Every name that a profile leaves to the sweep, and a file for those that change one.
            let place = FileManager.default.temporaryDirectory.appending(path: "radiata-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: place) }
            try "lr = 1\n".write(toFile: place + "/c.toml", atomically: true, encoding: .utf8)
            let yaml = "config:\n  process:\n    - type: sd_trainer\n"
            try yaml.write(toFile: place + "/c.yaml", atomically: true, encoding: .utf8)
            let own = name == "ai-toolkit" ? "c.yaml" : "c.toml"
            let config = text.contains("\nconfig:") ? ", config: \(own)" : ""
            let sweep = """
                name: t
                trainer: { profile: \(name)\(config) }
                groups: [ { list: [ { program: /bin/true, script: /x.py, lr: 1 } ] } ]
                """
            // Found in the program when no file is at hand.
            let inputs = LocalSweepInputs(sweepFile: place + "/s.yaml", workingDirectory: place) {
                ContentDigest.of($0)
            }
            #expect(try SweepFile.read(sweep, name: "s.yaml", inputs: inputs).definition.trainer.name == name)
        }
    }

    @Test("every whole sweep in the documentation is one")
    func documentation() throws {
        var files = [
            "config.toml.in": "lr = {lr}", "cat.toml": "unet_lr = 1e-4\nnetwork_args = [\"conv_dim=8\"]\n",
            "cat.yaml": "config:\n  process:\n    - train: { lr: 1e-4 }\n      network: { linear: 4 }\n",
            "config.json": "{}", "cat.json": "{}", "flux.toml": "epochs = 1\n[adapter]\nrank = 8\n",
        ]
        for (name, text) in EmbeddedProfiles.all { files[name + ".yaml"] = text }
        let pages = [
            "docs/reference/sweep-file.md", "docs/guide/from-kohya.md", "docs/guide/from-ai-toolkit.md",
            "docs/guide/profiles.md", "sweeps/README.md",
        ]
        for page in pages {
            let text = try String(contentsOfFile: "\(repository)/\(page)", encoding: .utf8)
            let blocks = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
                $0.components(separatedBy: "```").first
            }
            let sweeps = blocks.filter { $0.contains("name: ") && $0.contains("groups:") }
            #expect(!sweeps.isEmpty)
            for sweep in sweeps {
                let file = try SweepFile.read(sweep, name: page, inputs: FakeInputs(files: files))
                #expect(!file.plan.jobs.isEmpty)
            }
        }
    }
}
