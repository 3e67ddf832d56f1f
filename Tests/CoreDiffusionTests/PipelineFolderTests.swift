import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import Testing

@Suite("Folders and configurations")
struct PipelineFolderTests {
    /// A pipeline from scratch whose text encoder knows the fixture's vocabulary.
    private func pipeline() throws -> DiffusionPipeline {
        let tokenizer = try CLIPTokenizer(directory: Fixture.path("tokenizer"))
        let sizes = CLIPLayerSizes(width: 16, intermediateWidth: 24, layers: 2, heads: 2)
        let text = CLIPTextModel(
            configuration: CLIPTextConfiguration(
                vocabularySize: tokenizer.vocabulary.count, sizes: sizes, startID: tokenizer.startID,
                endID: tokenizer.endID, padID: tokenizer.padID))
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(
                blockOutChannels: [8, 16], layersPerBlock: 1, heads: 2, crossAttentionWidth: 16, normGroups: 4))
        var latent = AutoencoderConfiguration(blockOutChannels: [8, 16], layersPerBlock: 1, normGroups: 4)
        latent.scalingFactor = 0.625
        let vae = AutoencoderKL(configuration: latent)
        for (i, module) in [unet, vae, text].enumerated() as EnumeratedSequence<[any Module]> {
            module.initialize(seed: UInt64(i))
        }
        return DiffusionPipeline(
            unet: unet, vae: vae, textEncoder: text, tokenizer: tokenizer, schedule: NoiseSchedule())
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "radiata-pipeline-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        try body(folder)
    }

    @Test("what was saved is loaded again: every weight, size, id and the schedule")
    func roundTrip() throws {
        let saved = try pipeline()
        try withFolder { folder in
            try saved.save(to: folder)
            let loaded = try DiffusionPipeline(directory: folder)
            let sizes = [loaded.unet, saved.unet].map { ($0 as? UNet2DConditionModel)?.configuration }
            #expect(sizes[0] != nil && sizes[0] == sizes[1])
            #expect(loaded.vae.configuration == saved.vae.configuration)
            #expect(loaded.textEncoder.configuration == saved.textEncoder.configuration)
            #expect(loaded.schedule == saved.schedule)
            let pairs: [(any Module, any Module)] = [
                (saved.unet, loaded.unet), (saved.vae, loaded.vae), (saved.textEncoder, loaded.textEncoder),
            ]
            for (first, second) in pairs {
                for (a, b) in zip(first.allParameters(), second.allParameters()) {
                    #expect(a.path == b.path && a.parameter.tensor.values == b.parameter.tensor.values, "\(a.path)")
                }
            }
            let (a, b) = (loaded.condition(["the red heart"]), saved.condition(["the red heart"]))
            #expect(a.states.values == b.states.values)
        }
    }

    @Test(
        "parts that do not fit each other are refused when the folder is read",
        arguments: [
            ("text_encoder/config.json", "eos_token_id", JSONValue.number(1e12), "eos_token_id"),
            ("tokenizer/tokenizer_config.json", "model_max_length", .number(78), "positions"),
            ("scheduler/scheduler_config.json", "num_train_timesteps", .number(1e12), "num_train_timesteps"),
            ("scheduler/scheduler_config.json", "steps_offset", .number(-1), "steps_offset"),
            ("scheduler/scheduler_config.json", "beta_schedule", .text("sigmoid"), "scaled_linear"),
        ])
    func unfitParts(file: String, key: String, value: JSONValue, wanted: String) throws {
        let saved = try pipeline()
        try withFolder { folder in
            try saved.save(to: folder)
            var values = try JSONValue.object(path: folder + "/" + file)
            values[key] = value
            try JSONValue.write(values, path: folder + "/" + file)
            #expect {
                _ = try DiffusionPipeline(directory: folder)
            } throws: { error in
                (error as? DiffusionError)?.message.contains(wanted) == true
            }
        }
    }

    @Test("f16 storage rounds weights and nothing else")
    func halfPrecision() throws {
        let saved = try pipeline()
        try withFolder { folder in
            try saved.save(to: folder, type: .f16)
            let loaded = try DiffusionPipeline(directory: folder)
            for (a, b) in zip(saved.unet.allParameters(), loaded.unet.allParameters()) {
                #expect(distance(b.parameter.tensor, a.parameter.tensor) < 1e-3, "\(a.path)")
            }
        }
    }

    @Test("a missing, a superfluous and a misshapen weight are each refused by name")
    func badWeights() throws {
        let unet = try pipeline().unet
        func load(_ change: (inout [String: (shape: [Int], floats: [Float])]) -> Void) throws {
            var weights: [String: (shape: [Int], floats: [Float])] = [:]
            for (path, parameter) in unet.allParameters() { weights[path] = parameter.fileValues() }
            change(&weights)
            try withFolder { folder in
                var writer = SafetensorsWriter()
                for (name, value) in weights { writer.add(name, shape: value.shape, floats: value.floats) }
                try writer.write(to: folder + "/model.safetensors")
                try ModelFolder(path: folder).load(into: unet)
            }
        }
        func code(_ change: (inout [String: (shape: [Int], floats: [Float])]) -> Void) -> (NetsError.Code, String)? {
            do {
                try load(change)
                return nil
            } catch {
                return (error as? NetsError).map { ($0.code, $0.message) }
            }
        }
        let missing = try #require(code { $0["conv_in.bias"] = nil })
        #expect(missing.0 == .missingWeight && missing.1.contains("conv_in.bias"))
        let extra = try #require(code { $0["conv_middle.bias"] = ([1], [0]) })
        #expect(extra.0 == .unexpectedWeight && extra.1.contains("conv_middle.bias"))
        let shape = try #require(code { $0["conv_in.bias"] = ([2, 4], Array(repeating: 0, count: 8)) })
        #expect(shape.0 == .wrongShape && shape.1.contains("[2, 4]"))
        try withFolder { folder in
            var writer = SafetensorsWriter()
            for (path, parameter) in unet.allParameters() {
                let (shape, floats) = parameter.fileValues()
                if path == "conv_in.bias" {
                    writer.add(path, shape: shape, integers: floats.map { _ in 1 })
                } else {
                    writer.add(path, shape: shape, floats: floats)
                }
            }
            try writer.write(to: folder + "/model.safetensors")
            let error = #expect(throws: NetsError.self) { try ModelFolder(path: folder).load(into: unet) }
            #expect(error?.code == .wrongType && error?.message.contains("conv_in.bias") == true)
        }
        for value in [Float.nan, -.infinity] {
            let bad = try #require(code { $0["conv_out.weight"]?.floats[70] = value })
            #expect(bad.0 == .notFinite && bad.1.contains("conv_out.weight"))
        }
        #expect(code { $0["conv_out.weight"]?.floats[70] = -.greatestFiniteMagnitude } == nil)
    }

    @Test(
        "configuration keys that are not supported are refused by name",
        arguments: [
            ("only_cross_attention", JSONValue.flag(true)), ("_class_name", .text("UNet2DModel")),
            ("class_embed_type", .text("timestep")),
            ("resnet_time_scale_shift", .text("scale_shift")), ("num_attention_heads", .number(4)),
            ("act_fn", .text("gelu")), ("invented_key", .number(1)), ("norm_num_groups", .number(3)),
            ("attention_head_dim", .number(5)), ("down_block_types", .texts(["DownBlock2D", "AttnDownBlock2D"])),
            ("block_out_channels", .text("wide")), ("block_out_channels", .numbers([8, 1_000_000_000])),
            ("cross_attention_dim", .number(1e12)), ("layers_per_block", .number(100_000)),
            ("layers_per_block", .numbers([1, 1, 1])),
        ])
    func unsupportedKeys(key: String, value: JSONValue) throws {
        var values = try JSONValue.object(path: Fixture.path("unet") + "/config.json")
        values[key] = value
        #expect {
            try UNetConfiguration(ConfigurationReader(values, label: "config.json"))
        } throws: { error in
            (error as? DiffusionError)?.message.contains(key) == true
        }
    }

    @Test("random starts are the same for a seed and differ between seeds and layers")
    func initialisation() throws {
        let seeds: [UInt64] = [7, 7, 8]
        let configuration = UNetConfiguration(
            blockOutChannels: [8, 16], layersPerBlock: 1, heads: 2, crossAttentionWidth: 6, normGroups: 4)
        let unets = seeds.map { (seed: UInt64) -> [(path: String, parameter: Parameter)] in
            let unet = UNet2DConditionModel(configuration: configuration)
            unet.initialize(seed: seed)
            return unet.allParameters()
        }
        for (first, second) in zip(unets[0], unets[1]) {
            #expect(first.parameter.tensor.values == second.parameter.tensor.values)
        }
        let weights = unets[0].filter { $0.path.hasSuffix("conv1.weight") }.map(\.parameter.tensor.values)
        #expect(weights[0] != weights[1])
        let other = unets[2].filter { $0.path.hasSuffix("conv1.weight") }.map(\.parameter.tensor.values)
        #expect(weights[0] != other[0])
        // torch's default: uniform within 1/√(fan-in).
        let bound = 1 / Float(8 * 9).squareRoot()
        let first = try #require(unets[0].first { $0.path == "down_blocks.0.resnets.0.conv1.weight" })
        #expect(first.parameter.tensor.values.allSatisfy { abs($0) <= bound })
        let mean = first.parameter.tensor.values.reduce(0) { $0 + $1 * $1 } / Float(first.parameter.tensor.count)
        #expect(abs(mean / (bound * bound / 3) - 1) < 0.15)
    }
}
