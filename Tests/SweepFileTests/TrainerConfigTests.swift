import ConfigText
import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("A trainer around a configuration file that works")
struct TrainerConfigTests {
    private static let toml = """
        # my LoRA
        pretrained_model_name_or_path = "/models/sd.safetensors"
        network_module = "networks.lora"
        network_dim = 16
        network_args = ["conv_dim=8"]
        unet_lr = 1e-4
        max_train_epochs = 4
        seed = 7

        """

    private func inputs(_ toml: String = toml) -> FakeInputs {
        FakeInputs(files: [
            "cat.toml": toml, "dog.toml": toml + "extra = 1\n", "kohya.yaml": EmbeddedProfiles.all["kohya"] ?? "",
        ])
    }

    private func sweep(_ groups: String, config: String = "cat.toml", more: String = "") -> String {
        """
        name: t
        trainer: { profile: kohya, config: \(config), values: { script: /opt/train_network.py } \(more) }
        seeds: [1]
        groups: [ \(groups) ]
        """
    }

    private func faults(_ text: String, _ inputs: FakeInputs? = nil) -> String {
        do throws(SweepFileError) {
            _ = try read(text, inputs ?? self.inputs())
            return ""
        } catch {
            return error.description
        }
    }

    @Test("dotted names are axes as others are, in grids, conditions and derivations")
    func dottedNames() throws {
        let file = try read(
            sweep(
                """
                { grid: { network_args.conv_dim: [2, 4], network_dim: [8],
                  network_args.factor: { values: [3, 5], when: { network_args.conv_dim: 4 } } },
                  derive: { network_args.conv_alpha: network_args.conv_dim / 2 } }
                """), inputs())
        #expect(file.plan.configurations.map(\.given.count) == [3, 4, 4])
        #expect(file.plan.configurations[1].given["network_args.conv_alpha"] == 2)
        let trainer = try #require(file.definition.trainer.command)
        let settings = try trainer.settings(
            given: file.plan.configurations[1].given, values: ["seed": "1", "out": "/o", "name": "n"])
        #expect(
            settings.map(\.path).prefix(4) == [
                "network_args.conv_alpha", "network_args.conv_dim", "network_args.factor", "network_dim",
            ])
        #expect(settings.last { $0.path == "seed" }?.value == 1)
        #expect(settings.last { $0.path == "output_dir" }?.value == "/o/model")
    }

    @Test("an argument stands where its parameter is set and not false, and needs its names only there")
    func conditionalArguments() throws {
        let text = """
            name: t
            trainer:
              command: [train, { network_train_unet_only?: --unet-only }, { gamma?: [--gamma, "{gamma}"] }, "{lr}"]
            groups:
              - list: [ { lr: 1, network_train_unet_only: true }, { lr: 1, network_train_unet_only: false, gamma: 5 }, { lr: 1 } ]
            """
        let file = try read(text)
        let trainer = try #require(file.definition.trainer.command)
        let found = file.plan.configurations.map { trainer.arguments(trainer.command, at: $0.given) }
        #expect(
            found == [["train", "--unet-only", "{lr}"], ["train", "--gamma", "{gamma}", "{lr}"], ["train", "{lr}"]])
        let missing = faults(text.replacing("gamma: 5", with: "delta: 5").replacing("{ gamma?:", with: "{ delta?:"))
        #expect(missing.contains("{gamma}"), "\(missing)")
        #expect(
            faults(text.replacing("network_train_unet_only?:", with: "network_train_unet_only:")).contains(
                "{ name?: --flag }"))
        // As it is stored and sent.
        let json = try JSONEncoder().encode(file.definition.trainer)
        #expect(try JSONDecoder().decode(TrainerSpec.self, from: json) == file.definition.trainer)
    }

    @Test("the file's content is in the id, and what is set; its name and the list of known keys are not")
    func identity() throws {
        let text = sweep("{ list: [ { network_dim: 8 } ] }")
        let id = try read(text, inputs()).plan.jobs[0].id
        #expect(try read(text, inputs(Self.toml + "# a word more\n")).plan.jobs[0].id != id)
        #expect(
            try read(sweep("{ list: [ { network_dim: 8 } ] }", more: ", set: { v2: true }"), inputs()).plan.jobs[0].id
                != id)
        var renamed = inputs()
        renamed.files["other.toml"] = Self.toml
        #expect(
            try read(sweep("{ list: [ { network_dim: 8 } ] }", config: "other.toml"), renamed).plan.jobs[0].id == id)
        var without = inputs()
        without.files["kohya.yaml"]?.replace("pretrained_model_name_or_path, ", with: "")
        #expect(try read(text, without).plan.jobs[0].id == id)
    }

    @Test(
        "several files are chosen by the parameter config; each gives the ids that it gives alone, whatever it is called"
    )
    func severalFiles() throws {
        let file = try read(
            sweep(
                "{ grid: { config: [cat, dog], network_dim: [8] } }",
                config: "{ from: { cat: cat.toml, dog: dog.toml } }"),
            inputs())
        let alone = try read(sweep("{ list: [ { network_dim: 8 } ] }"), inputs())
        #expect(file.plan.jobs.count == 2 && file.plan.jobs[0].id == alone.plan.jobs[0].id)
        let jobs = try file.definition.resolvedJobs(file.plan)
        #expect(jobs.map { $0.trainer.command?.config?.sources.map(\.from) } == [["cat.toml"], ["dog.toml"]])
        #expect(jobs.allSatisfy { $0.name != nil } && jobs[0].name?.hasPrefix("cat-") == true)
        #expect(
            faults(sweep("{ list: [ { network_dim: 8 } ] }", config: "{ from: { cat: cat.toml } }")).contains(
                "chooses one of cat"))
        #expect(
            faults(sweep("{ list: [ { config: cow } ] }", config: "{ from: { cat: cat.toml } }")).contains(
                "config is 'cow'"))
        #expect(try SweepFile.read(file.bundle).plan == file.plan)
    }

    @Test("names are short, readable, of safe letters, different, and do not depend on the order of the file")
    func names() throws {
        func names(_ grid: String, seeds: String = "[1]") throws -> [String] {
            let file = try read(
                sweep("{ grid: { \(grid) } }").replacing("seeds: [1]", with: "seeds: \(seeds)"), inputs())
            return try file.definition.resolvedJobs(file.plan).map { $0.name ?? "" }
        }
        let found = try names(
            "network_dim: [8, 16], network_args.conv_dim: [4, 2], optimizer_type: [AdamW8bit, \"a/b c\"]",
            seeds: "[1, 2]")
        #expect(Set(found).count == 16)
        #expect(found[0].hasPrefix("conv_dim4-network_dim8-AdamW8bit-s1-"), "\(found[0])")
        for name in found {
            #expect(
                name.count <= 70
                    && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }, "\(name)")
        }
        let other = try names(
            "optimizer_type: [\"a/b c\", AdamW8bit], network_args.conv_dim: [2, 4], network_dim: [16, 8]",
            seeds: "[2, 1]")
        #expect(Set(other) == Set(found))
        #expect(try names("network_dim: [8]").first?.count == 6, "nothing varies: the id's beginning alone")
    }

    @Test("what cannot be set, or read, is a fault of the sweep file, with its place")
    func refused() {
        #expect(faults(sweep("{ list: [ { network_dim.x: 8 } ] }")).contains("network_dim is a number"))
        #expect(faults(sweep("{ list: [ {} ] }", config: "none.toml")).contains("no configuration file 'none.toml'"))
        #expect(faults(sweep("{ list: [ {} ] }"), inputs("a = \n")).contains("line 1"))
        #expect(faults(sweep("{ list: [ {} ] }", more: ", set: { a..b: 1 }")).contains("no path"))
        #expect(
            faults(sweep("{ list: [ {} ] }").replacing("config: cat.toml,", with: "")).contains(
                "needs a configuration file"))
        #expect(
            faults("name: t\ntrainer: { command: [x], set: { a: 1 } }\ngroups: [ { list: [ {} ] } ]").contains(
                "needs a 'config'"))
        #expect(
            faults(sweep("{ list: [ {} ] }").replacing(", values: { script: /opt/train_network.py }", with: ""))
                .contains("{script}"))
    }

    // MARK: The linter

    private func findings(_ text: String, _ toml: String = toml) throws -> [String] {
        SweepLint.findings(in: try read(text, inputs(toml))) { $0.hasPrefix("/models") }
    }

    @Test("a good file has no findings; each fault is found with its remedy")
    func lint() throws {
        let good = sweep("{ grid: { network_dim: [8], network_args.conv_dim: [4] } }")
        #expect(try findings(good) == [])
        func found(_ toml: String, _ words: String) throws {
            let all = try findings(good, toml)
            #expect(all.contains { $0.contains(words) }, "\(words) in \(all)")
        }
        try found(Self.toml + "netwrok_dim = 3\n", "did you mean 'network_dim'?")
        try found(Self.toml.replacing("max_train_epochs", with: "max_train_steps"), "without max_train_epochs")
        try found(Self.toml + "save_every_n_epochs = 4\n", "no state is saved before the end")
        try found(Self.toml.replacing("/models/sd", with: "/nowhere/sd"), "is not on this machine")
        try found(Self.toml + "train_data_dir = \"data/my/cat\"\n", "in the job's own folder")
        #expect(
            try !findings(good, Self.toml.replacing("/models/sd.safetensors", with: "stabilityai/sdxl")).contains {
                $0.contains("folder")
            })
        let typo = try findings(sweep("{ grid: { newtork_dim: [8] } }"))
        #expect(typo.contains { $0.contains("'newtork_dim'") && $0.contains("did you mean 'network_dim'?") }, "\(typo)")
        let sizes = try findings(
            sweep("{ list: [ { unet_lr: 0.5, network_dim: 512 }, { network_dim: 4, network_alpha: 16 } ] }"))
        #expect(
            sizes.filter { $0.contains("unet_lr is 0.5") || $0.contains("512") || $0.contains("twice the rank") }.count
                == 3, "\(sizes)")
        #expect(try findings(sweep("{ list: [ { unet_lr: 1, optimizer_type: Prodigy } ] }")).isEmpty)
    }

    @Test("a command that writes nowhere of its own, and states without a resume, are found")
    func lintCommands() throws {
        func findings(_ trainer: String) throws -> [String] {
            SweepLint.findings(in: try read("name: t\ntrainer: \(trainer)\ngroups: [ { list: [ { lr: 1 } ] } ]")) { _ in
                true
            }
        }
        #expect(try findings("{ command: [x, \"{lr}\"] }").contains { $0.contains("{out}") })
        #expect(
            try findings("{ command: [x, \"{out}\"], checkpoints: [ { glob: \"{out}/s*\", kind: state } ] }").contains {
                $0.contains("no 'resume'")
            })
        #expect(try findings("{ command: [x, \"{out}\"], resume: [y] }").contains { $0.contains("kind 'state'") })
    }

    // MARK: Import

    @Test("files are known by their content, and become sweeps that read")
    func imported() throws {
        let config = try TrainerConfig(Self.toml, path: "/there/My Cat.toml")
        #expect(config.trainer == .kohya && config.seed == 7 && config.name == "my-cat")
        let text = ImportedSweep(
            config, profile: nil, reference: "cat.toml", values: [("script", "/opt/t.py")], axes: [], paths: []
        ).text(name: config.name)
        let file = try read(text, inputs())
        #expect(file.plan.jobs.map(\.seed) == [7] && file.plan.configurations[0].given.isEmpty)
        // Every suggestion that is written out is one.
        let open = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("  # - ") || line.hasPrefix("  #   ") ? "  " + line.dropFirst(4) : String(line)
        }.joined(separator: "\n")
        let grid = try read(open, inputs())
        #expect(grid.plan.configurations.count == 1 + 3 * 3 * 3 * 3, "\(open)")
        #expect(
            open.contains("network_args.conv_dim: [4, 8, 16]   # now 8")
                && open.contains("unet_lr: [0.00005, 0.0001, 0.0002]")
                || open.contains("unet_lr: [5e-05, 0.0001, 0.0002]"), "\(open)")
        let chosen = ImportedSweep(
            config, profile: nil, reference: "cat.toml", values: [("script", "/opt/t.py")],
            axes: [("network_dim", "8, 16"), ("unet_lr", "1e-4, 5e-4")], paths: [("reg_data_dir", "/there/reg")]
        ).text(name: "x")
        let chosenFile = try read(chosen, inputs())
        #expect(chosenFile.plan.jobs.count == 4)
        #expect(chosenFile.definition.trainer.command?.config?.set.contains { $0.path == "reg_data_dir" } == true)
    }

    @Test(
        "each trainer's files are known, others are refused with what is",
        arguments: [
            ("job: extension\nconfig: { name: x, process: [ { type: sd_trainer } ] }\n", "a.yaml", "ai-toolkit"),
            ("{\"training_method\": \"LORA\", \"learning_rate\": 1}", "a.json", "onetrainer"),
            ("[model]\npretrained_model_name_or_path = \"x\"\n[net]\nnetwork_dim = 4\n", "a.toml", "kohya"),
            ("dit = \"x\"\nnetwork_module = \"networks.lora_wan\"\n", "a.toml", "musubi"),
            ("epochs = 3\n[model]\ntype = \"flux\"\n[adapter]\nrank = 8\n", "a.toml", "diffusion-pipe"),
            ("{\"--model_family\": \"flux\", \"--learning_rate\": 1}", "a.json", "simpletuner"),
            ("name: sweep\n", "a.yaml", "none of the files that are known"),
            ("x = 1\n", "a.toml", "none of the files that are known"),
            ("x\n", "a.txt", "wanted a .toml"), ("{", "a.json", "line 1"),
        ])
    func recognised(text: String, path: String, expected: String) throws {
        do throws(ConfigFault) {
            let config = try TrainerConfig(text, path: "/x/" + path)
            #expect(config.trainer.rawValue == expected)
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }

    @Test("relative paths are found from the file's folder, then from the working folder")
    func relativePaths() throws {
        let config = try TrainerConfig(
            Self.toml + "train_data_dir = \"data/cat\"\nreg_data_dir = \"./reg/x\"\noutput_dir = \"out/x\"\n",
            path: "/there/cat.toml")
        let found = config.relativePaths(from: "/here") { ["/there/data/cat", "/here/reg/x"].contains($0) }
        #expect(found.map(\.path) == ["train_data_dir", "reg_data_dir"])
        #expect(found.map(\.absolute) == ["/there/data/cat", "/here/reg/x"])
    }

    @Test("a queue is a sweep of the files as they are: one job each, with the file's seed")
    func queue() throws {
        let cat = try TrainerConfig(Self.toml, path: "/a/cat.toml")
        let other = try TrainerConfig(Self.toml.replacing("seed = 7", with: "seed = 8"), path: "/b/cat.toml")
        let text = QueuedSweep([cat, other], profile: "kohya", values: [("script", "/opt/t.py")]) { _ in [] }.text(
            name: "queue")
        let inputs = FakeInputs(files: [
            "/a/cat.toml": Self.toml, "/b/cat.toml": Self.toml + "\n",
            "kohya.yaml": EmbeddedProfiles.all["kohya"] ?? "",
        ])
        let file = try read(text, inputs)
        #expect(
            file.plan.jobs.map(\.seed) == [7, 8]
                && file.plan.configurations.map { $0.given["config"] } == ["cat", "cat-2"])
        // A file alone is the job that it is in the queue.
        let alone = QueuedSweep([cat], profile: "kohya", values: [("script", "/opt/t.py")]) { _ in [] }.text(
            name: "other")
        #expect(try read(alone, inputs).plan.jobs[0].id == file.plan.jobs[0].id)
    }
}
