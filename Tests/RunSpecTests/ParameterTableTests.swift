import Foundation
import RunSpec
import Testing

@Suite("Parameter table")
struct ParameterTableTests {
    @Test("what nobody sets has the agreed defaults")
    func defaults() throws {
        // Typed from the agreed table of defaults, not from the code.
        let expected: [String: ParameterValue] = [
            "algorithm": "lora", "layers": "attn-mlp", "dim": 4, "alpha": 4, "train_norm": false, "dropout": 0,
            "rank_dropout": 0, "module_dropout": 0, "use_scalar": false, "rs_lora": false, "dora": false,
            "scale_weight_norms": 0, "lr": 5e-4, "text_encoder_lr": 5e-4, "epochs": 10, "batch": 1,
            "grad_accumulation": 1,
            "optimizer": "adamw", "weight_decay": 0.01, "betas": [0.9, 0.999], "epsilon": 1e-8, "warmup_steps": 0,
            "schedule": "constant", "max_grad_norm": 1, "caption_dropout": 0, "min_snr_gamma": 0,
            "prior_loss_weight": 1,
            "noise_offset": 0, "clip_skip": 1, "zero_terminal_snr": false, "flip": false, "buckets": false,
            "max_token_length": 75, "checkpointing": false,
        ]
        let resolved = try ParameterTable.resolve(["lr": 5e-4])
        #expect(resolved.parameters == expected)
        #expect(resolved.dropped.isEmpty)
    }

    @Test("a precision of f32 is what it is when nobody says, so that ids stay")
    func precision() throws {
        let silent = try ParameterTable.resolve([:]).parameters
        #expect(try ParameterTable.resolve(["precision": "f32"]).parameters == silent)
        let narrow = try ParameterTable.resolve(["precision": "bf16"]).parameters
        #expect(narrow["precision"] == "bf16" && silent["precision"] == nil)
        let spec = try TrainingSpec(resolved: narrow, seed: 1)
        #expect(spec.precision == "bf16" && spec.keepsHalves)
    }

    @Test("convolutions take dim and alpha of the rest where the layers have them")
    func convolutions() throws {
        let full = try ParameterTable.resolve(["layers": "full", "dim": 8, "alpha": 2]).parameters
        #expect(full["conv_dim"] == 8 && full["conv_alpha"] == 2)
        let none = try ParameterTable.resolve(["layers": "full", "dim": 8, "conv_dim": 0]).parameters
        #expect(none["conv_dim"] == 0 && none["conv_alpha"] == nil)
        let linear = try ParameterTable.resolve(["layers": "attn-mlp", "conv_dim": 8])
        #expect(linear.parameters["conv_dim"] == nil)
        #expect(linear.dropped.map(\.name) == ["conv_dim"])
    }

    @Test("an alpha of 0 means dim, an alpha never given too", arguments: [["dim": 16], ["dim": 16, "alpha": 0]])
    func alpha(given: [String: ParameterValue]) throws {
        #expect(try ParameterTable.resolve(given).parameters["alpha"] == 16)
    }

    @Test(
        "LoKr without dim, and with the fake dim of 10000, is its full matrix",
        arguments: [
            [:], ["dim": 10000], ["dim": 10000, "alpha": 1], ["full_matrix": true], ["full_matrix": true, "dim": 4],
        ] as [[String: ParameterValue]])
    func fullMatrix(given: [String: ParameterValue]) throws {
        let lokr = try ParameterTable.resolve(given.merging(["algorithm": "lokr"]) { $1 }).parameters
        #expect(lokr == (try ParameterTable.resolve(["algorithm": "lokr"]).parameters))
        #expect(lokr["full_matrix"] == true && lokr["dim"] == nil && lokr["alpha"] == nil)
        let adapter = try TrainingSpec(resolved: lokr, seed: 1).adapter
        #expect(adapter.options.fullMatrix && adapter.options.factor == -1)
        #expect(adapter.size.dim == nil && adapter.size.alpha == nil)
    }

    @Test("T-LoRA's parameters are LoRA's, and absent where nobody names them")
    func timestepRanks() throws {
        let adapter = try TrainingSpec(["min_rank": 2, "rank_power": 0.5, "lora_start": "orthogonal"]).adapter
        #expect(adapter.options.minRank == 2 && adapter.options.rankPower == 0.5)
        #expect(adapter.options.loraStart == .orthogonal)
        #expect(try ParameterTable.resolve(["algorithm": "loha", "min_rank": 2]).dropped.map(\.name) == ["min_rank"])
        #expect(throws: RunSpecError.self) { try ParameterTable.resolve(["lora_start": "random"]) }
        // States that were written before know none of them.
        let plain = String(decoding: try JSONEncoder().encode(try TrainingSpec([:]).adapter), as: UTF8.self)
        #expect(["minRank", "rankPower", "loraStart"].allSatisfy { !plain.contains($0) })
        let whole = try JSONEncoder().encode(adapter)
        #expect(try JSONDecoder().decode(AdapterSpec.self, from: whole) == adapter)
    }

    @Test("LoKr with a dim has rank and scale")
    func lowRankLoKr() throws {
        let adapter = try TrainingSpec(["algorithm": "lokr", "dim": 8, "alpha": 4, "factor": 8]).adapter
        #expect(!adapter.options.fullMatrix && adapter.options.factor == 8)
        #expect(adapter.size.dim == 8 && adapter.size.alpha == 4)
        // A real rank for the convolutions keeps the fake dim of the rest.
        let mixed = try TrainingSpec(["algorithm": "lokr", "dim": 10000, "layers": "full", "conv_dim": 8]).adapter
        #expect(!mixed.options.fullMatrix && mixed.size.dim == 10000 && mixed.size.convDim == 8)
    }

    @Test("what an algorithm cannot use is dropped with a warning")
    func dropped() throws {
        let full = try ParameterTable.resolve(["algorithm": "full", "dim": 8, "alpha": 4, "factor": 8])
        #expect(full.dropped.map(\.name) == ["dim", "alpha", "factor"])
        #expect(full.parameters == (try ParameterTable.resolve(["algorithm": "full"]).parameters))
        let unet = try ParameterTable.resolve(["layers": "unet-only", "text_encoder_lr": 1e-5])
        #expect(unet.parameters["text_encoder_lr"] == nil && unet.dropped.map(\.name) == ["text_encoder_lr"])
    }

    @Test("resolving twice is resolving once, for every algorithm and preset", arguments: Algorithm.allCases)
    func idempotent(algorithm: Algorithm) throws {
        for preset in LayerPreset.allCases {
            let given: [String: ParameterValue] = [
                "algorithm": .text(algorithm.rawValue), "layers": .text(preset.rawValue), "lr": 1e-3,
            ]
            let once = try ParameterTable.resolve(given).parameters
            let twice = try ParameterTable.resolve(once)
            #expect(twice.parameters == once)
            #expect(twice.dropped.isEmpty)
            let spec = try TrainingSpec(resolved: once, seed: 3)
            #expect(spec.adapter.algorithm == algorithm.canonical && spec.seed == 3)
            #expect(try JSONDecoder().decode(TrainingSpec.self, from: JSONEncoder().encode(spec)) == spec)
        }
    }

    @Test(
        "impossible values are refused with what was found and what is wanted",
        arguments: [
            (["lr": "5e-4"], "lr is the text '5e-4'; wanted a number"),
            (["lr": 0], "lr is 0; wanted above 0"),
            (["lr": .number(.nan)], "wanted a finite number"),
            (["dim": 0], "dim is 0; wanted at least 1"),
            (["dim": 2.5], "dim is 2.5; wanted an integer"),
            (["epochs": 9_007_199_254_740_994], "beyond 2^53"),
            (["betas": [0.9]], "betas has 1 entries; wanted a list of 2 numbers"),
            (["betas": [0.9, 1]], "betas is 1; wanted from 0 to below 1"),
            (["algorithm": "lroa"], "did you mean 'lora'?"),
            (["layers": "attn_mlp"], "no layer preset"),
            (["layers": ["modules": []]], "unknown key 'modules'"),
            (["train_norm": "yes"], "wanted true or false"),
            (["factor": 0, "algorithm": "lokr"], "factor is 0"),
            (["algorithm": "loha", "dropout": 0.1], "use rank_dropout or module_dropout"),
            (["algorithm": "dylora", "dim": 6], "not a multiple of block_size 4"),
            (["learning_rate": 1e-4], "unknown parameter 'learning_rate'; did you mean 'lr'?"),
            (["wieght_decay": 1e-4], "did you mean 'weight_decay'?"),
        ] as [([String: ParameterValue], String)])
    func refused(given: [String: ParameterValue], message: String) {
        let error = #expect(throws: RunSpecError.self) { try ParameterTable.resolve(given) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test("layers may be a map, and an empty list in it says nothing")
    func layerMap() throws {
        let map: ParameterValue = ["classes": ["Attention"], "exclude": []]
        let selection = try TrainingSpec(["layers": map]).adapter.layers
        #expect(selection.unet.classes == ["Attention"] && selection.includesConvolutions)
        #expect(selection.parameterValue == ["classes": ["Attention"]])
    }

    @Test(
        "a parameter value survives JSON",
        arguments: [
            1, 0.0005, 1e-8, true, false, nil, "text", [1, "a", [nil]], ["a": ["b": [1.5]]],
        ] as [ParameterValue])
    func json(value: ParameterValue) throws {
        let data = try JSONEncoder().encode([value])
        #expect(try JSONDecoder().decode([ParameterValue].self, from: data) == [value])
    }

    @Test("a training specification is one flat map, as the states of earlier versions have it")
    func codedForm() throws {
        let text = """
            {"algorithm": "lora", "layers": "attn-mlp", "dim": 4, "alpha": 4, "factor": -1, "trainNorm": false,
             "dropout": 0, "rankDropout": 0.5, "moduleDropout": 0, "useTucker": false, "useScalar": false,
             "rsLoRA": true, "dora": false, "weightDecomposeOnOutput": true, "decomposeBoth": false,
             "fullMatrix": false, "unbalancedFactorization": false, "blockSize": 4, "constraint": 0,
             "rescaled": false, "trainOnInput": false, "scaleWeightNorms": 0, "blockLearningRates": [1, 0.5],
             "learningRate": 0.0005, "textEncoderLearningRate": 0.0005, "epochs": 10, "batch": 1,
             "gradientAccumulation": 1, "resolution": {"width": 64, "height": 32}, "optimizer": "adamw",
             "weightDecay": 0.01, "betas": [0.9, 0.999], "epsilon": 1e-08, "warmupSteps": 0,
             "schedule": "constant", "cycles": 1, "maxGradNorm": 1, "captionDropout": 0, "priorLossWeight": 1,
             "noiseOffset": 0, "clipSkip": 1, "zeroTerminalSNR": false, "flip": true, "buckets": false,
             "maxTokenLength": 75, "gradientCheckpointing": false, "seed": 3}
            """
        let given: [String: ParameterValue] = [
            "dim": 4, "rank_dropout": 0.5, "rs_lora": true, "block_lr": [1, 0.5], "lr": 5e-4, "resolution": [64, 32],
            "flip": true,
        ]
        let spec = try TrainingSpec(given, seed: 3)
        #expect(try JSONDecoder().decode(TrainingSpec.self, from: Data(text.utf8)) == spec)
        let written = try JSONDecoder().decode(ParameterValue.self, from: JSONEncoder().encode(spec))
        #expect(try written == JSONDecoder().decode(ParameterValue.self, from: Data(text.utf8)))
    }

    @Test("what is not given has the table's default, in a part made without a table's walk too")
    func partDefaults() throws {
        let resolved = try TrainingSpec([:]).adapter
        #expect(AlgorithmOptions() == resolved.options && DropoutSpec() == resolved.dropout)
    }
}
