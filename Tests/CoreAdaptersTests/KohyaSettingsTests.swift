import CoreAdapters
import Foundation
import RunSpec
import Testing

/// Names and meanings after sd-scripts' options and what LyCORIS' `create_network` reads.
@Suite("Settings for kohya's sd-scripts")
struct KohyaSettingsTests {
    static let around = KohyaSettings.Surroundings(base: "/m/\"base\"", data: "/d\\a", output: "mine")

    static func settings(_ given: [String: ParameterValue], seed: Int = 7) throws -> KohyaSettings {
        KohyaSettings(try ParameterTable.resolve(given).parameters, seed: seed, around)
    }

    private func values(_ given: [String: ParameterValue]) throws -> [String: KohyaSettings.Value] {
        Dictionary(uniqueKeysWithValues: try Self.settings(given).entries.map { ($0.key, $0.value) })
    }

    @Test("sizes, rates and switches have the names and units of the other program")
    func names() throws {
        let values = try values([
            "algorithm": "lora", "dim": 16, "alpha": 8, "lr": 5e-4, "text_encoder_lr": 1e-4, "epochs": 30, "batch": 4,
            "betas": [0.9, 0.99], "weight_decay": 0.1, "warmup_steps": 20, "resolution": [512, 768], "clip_skip": 2,
            "caption_dropout": 0.1, "min_snr_gamma": 5, "flip": true, "dropout": 0.2,
        ])
        let wanted: [String: KohyaSettings.Value] = [
            "network_module": .text("lycoris.kohya"), "network_dim": .number(16), "network_alpha": .number(8),
            "learning_rate": .number(5e-4), "unet_lr": .number(5e-4), "text_encoder_lr": .number(1e-4),
            "max_train_epochs": .number(30), "train_batch_size": .number(4), "optimizer_type": .text("AdamW"),
            "optimizer_args": .texts(["weight_decay=0.1", "betas=0.9,0.99", "eps=1e-08"]),
            "lr_scheduler": .text("constant_with_warmup"), "lr_warmup_steps": .number(20),
            "resolution": .text("512,768"), "clip_skip": .number(2), "caption_dropout_rate": .number(0.1),
            "min_snr_gamma": .number(5), "flip_aug": .flag(true), "network_dropout": .number(0.2), "seed": .number(7),
        ]
        for (key, value) in wanted { #expect(values[key] == value, "\(key)") }
        #expect(values["noise_offset"] == nil && values["enable_bucket"] == nil)
        #expect(values["network_args"] == .texts(["algo=lora", "preset=attn-mlp"]))
    }

    @Test(
        "LyCORIS gets its own arguments",
        arguments: [
            (
                ["algorithm": "loha", "layers": "full", "dim": 4, "conv_dim": 2, "conv_alpha": 1, "use_tucker": true],
                ["algo=loha", "preset=full", "conv_dim=2", "conv_alpha=1", "use_tucker=True"], 4
            ),
            (
                ["algorithm": "lokr", "factor": 8], ["algo=lokr", "preset=attn-mlp", "factor=8", "full_matrix=True"],
                10_000
            ),
            (
                ["algorithm": "lora", "dim": 2, "dora": true, "wd_on_output": false],
                ["algo=lora", "preset=attn-mlp", "dora_wd=True", "wd_on_output=False"], 2
            ),
            (
                ["algorithm": "boft", "dim": 4, "constraint": 0.1],
                ["algo=boft", "preset=attn-mlp", "constraint=0.1"], 4
            ),
        ] as [([String: ParameterValue], [String], Double)])
    func arguments(given: [String: ParameterValue], wanted: [String], dim: Double) throws {
        let values = try values(given)
        #expect(values["network_args"] == .texts(wanted))
        #expect(values["network_dim"] == .number(dim))
    }

    @Test("what the other program cannot say is named, not written")
    func left() throws {
        let settings = try Self.settings(["block_lr": [1, 0.5], "layers": ["classes": ["Attention"]]])
        #expect(settings.left == ["block_lr", "layers"])
        #expect(settings.toml().hasPrefix("# Not said here"))
        #expect(!settings.entries.contains { $0.key.contains("block") })
        #expect(try Self.settings(["algorithm": "lora"]).left == [])
    }

    @Test("which files plain LoRA readers take")
    func plain() throws {
        func isPlain(_ given: [String: ParameterValue]) throws -> Bool {
            KohyaSettings.isPlainLoRA(try ParameterTable.resolve(given).parameters)
        }
        #expect(try isPlain(["algorithm": "locon"]) && !isPlain(["algorithm": "loha"]))
        #expect(try !isPlain(["algorithm": "lora", "train_norm": true]))
    }
}

/// Python's own reader of TOML, and LyCORIS itself; see `PythonTests`.
@Suite(
    "Settings for kohya's sd-scripts, read by others",
    .enabled(if: ProcessInfo.processInfo.environment["RADIATA_PYTHON"] != nil))
struct KohyaSettingsPythonTests {
    private static let script = """
        import sys, tomllib, json, inspect, re
        import lycoris.kohya as kohya
        settings = tomllib.load(open(sys.argv[1], "rb"))
        source = inspect.getsource(kohya.create_network)
        known = set(re.findall(r'kwargs.get\\(\\s*"([a-z0-9_]+)"', source))
        args = dict(a.split("=", 1) for a in settings["network_args"])
        unknown = set(args) - known
        print(json.dumps({"unknown": sorted(unknown), "base": settings["pretrained_model_name_or_path"],
            "data": settings["train_data_dir"], "betas": settings["optimizer_args"][1],
            "algo": args["algo"] in kohya.network_module_dict, "preset": args["preset"] in kohya.PRESET}))
        """

    @Test(
        "every argument is one that LyCORIS reads, texts come back as they were",
        arguments: Algorithm.allCases.filter { $0.canonical == $0 }.map(\.rawValue))
    func read(algorithm: String) throws {
        let python = try #require(ProcessInfo.processInfo.environment["RADIATA_PYTHON"])
        var given: [String: ParameterValue] = [
            "algorithm": .text(algorithm), "layers": "full", "train_norm": true, "module_dropout": 0.1,
        ]
        let kind = Algorithm(rawValue: algorithm) ?? .lora
        if kind.has("dim") { given["dim"] = 8 }
        for name in ["use_tucker", "use_scalar", "rs_lora", "dora", "decompose_both", "rescaled", "full_matrix"]
        where kind.has(name) { given[name] = true }
        if kind.has("constraint") { given["constraint"] = 0.5 }
        let file = NSTemporaryDirectory() + "settings-\(algorithm)-\(ProcessInfo.processInfo.processIdentifier).toml"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try KohyaSettingsTests.settings(given).toml().write(toFile: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", Self.script, file]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let answer = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(answer["unknown"] as? [String] == [])
        #expect(answer["base"] as? String == KohyaSettingsTests.around.base)
        #expect(answer["data"] as? String == KohyaSettingsTests.around.data)
        #expect(answer["algo"] as? Bool == true && answer["preset"] as? Bool == true, "\(answer)")
    }
}
