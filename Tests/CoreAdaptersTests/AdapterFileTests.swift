import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import TestSupport
import Testing

@Suite("An adapter file")
struct AdapterFileTests {
    @Test("comes back as it was written", arguments: ReferenceForwardTests.cases + ReferenceForwardTests.variants)
    func roundTrip(name: String) throws {
        let folder = try TemporaryFolder()
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let path = Fixtures.path("adapter-\(name).safetensors")
        let adapters = try AdapterSet.load(path, unet: unet, textEncoder: text)
        try adapters.save(to: folder.path + "/again.safetensors", type: .f32)
        let (before, after) = (
            try SafetensorsFile(path: path), try SafetensorsFile(path: folder.path + "/again.safetensors")
        )
        #expect(before.names == after.names)
        for key in before.names {
            #expect(before.info(key)?.shape == after.info(key)?.shape)
            // `full` holds absolute weights in between.
            #expect(
                relativeError(try after.floats(key), try before.floats(key)) < (name == "full" ? 1e-5 : 1e-12), "\(key)"
            )
        }
    }

    @Test("is f16 unless told otherwise, with kohya's names and header")
    func deliverable() throws {
        let folder = try TemporaryFolder()
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let spec = try TrainingSpec([
            "algorithm": .text("lora"), "dim": .number(8), "alpha": .number(4), "lr": .number(1e-3),
            "epochs": .number(1), "batch": .number(1),
        ])
        let adapters = try AdapterSet.create(unet: unet, textEncoder: text, spec: spec)
        try adapters.save(to: folder.path + "/new.safetensors", metadata: ["ss_steps": "3"])
        let file = try SafetensorsFile(path: folder.path + "/new.safetensors")
        let unetKey = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight"
        #expect(file.info(unetKey)?.shape == [8, 8])
        #expect(file.info(unetKey)?.dtype == .f16)
        #expect(file.info("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight")?.shape == [12, 8])
        #expect(try file.floats("lora_te_text_model_encoder_layers_1_mlp_fc1.alpha") == [4])
        #expect(file.metadata["ss_network_dim"] == "8")
        #expect(file.metadata["ss_steps"] == "3")
    }

    @Test("also carries the text encoder's names without text_model, as newer libraries write them")
    func shortNames() throws {
        let folder = try TemporaryFolder()
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let source = try SafetensorsFile(path: Fixtures.path("adapter-lora.safetensors"))
        var writer = SafetensorsWriter()
        for name in source.names where name.hasPrefix("lora_te_") {
            writer.add(
                name.replacing("lora_te_text_model_", with: "lora_te_"), shape: source.info(name)?.shape ?? [],
                floats: try source.floats(name))
        }
        try writer.write(to: folder.path + "/short.safetensors")
        let adapters = try AdapterSet.load(folder.path + "/short.safetensors", unet: nil, textEncoder: text)
        #expect(adapters.layers.count == 12)
        #expect(adapters.fileTensors(naming: .asRead).allSatisfy { $0.name.hasPrefix("lora_te_encoder_") })
        #expect(adapters.fileTensors().allSatisfy { $0.name.hasPrefix("lora_te_text_model_encoder_") })
    }

    @Test("is left alone where it speaks of components that do not run")
    func otherComponents() throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let adapters = try AdapterSet.load(Fixtures.path("adapter-loha.safetensors"), unet: unet, textEncoder: nil)
        #expect(adapters.layers.allSatisfy { $0.side == .unet })
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tensors: [(String, [Int])]
        let code: AdapterError.Code
        let mentions: [String]
    }

    static let faults = [
        Fault(
            testDescription: "a layer the network has not", tensors: [("lora_unet_nowhere.lora_up.weight", [6, 2])],
            code: .unplacedKey, mentions: ["lora_unet_nowhere.lora_up.weight", "no layer of that name"]),
        Fault(
            testDescription: "a missing factor", tensors: [("lora_unet_lin.lora_up.weight", [6, 2])],
            code: .incompleteLayer, mentions: ["lora_unet_lin.lora_down.weight"]),
        Fault(
            testDescription: "a wrong shape",
            tensors: [("lora_unet_lin.lora_up.weight", [5, 2]), ("lora_unet_lin.lora_down.weight", [2, 4])],
            code: .wrongShape, mentions: ["lora_unet_lin.lora_up.weight", "[5, 2]", "[6, 2]"]),
        Fault(
            testDescription: "a key that its algorithm has not",
            tensors: [
                ("lora_unet_lin.lora_up.weight", [6, 2]), ("lora_unet_lin.lora_down.weight", [2, 4]),
                ("lora_unet_lin.hada_w9", [2, 4]),
            ], code: .unplacedKey, mentions: ["lora_unet_lin.hada_w9"]),
        Fault(
            testDescription: "keys of no known algorithm", tensors: [("lora_unet_conv.magic", [3])], code: .unplacedKey,
            mentions: ["lora_unet_conv.magic", "lora_up.weight"]),
        Fault(
            testDescription: "a Kronecker factor that does not divide the layer",
            tensors: [("lora_unet_lin.lokr_w1", [4, 2]), ("lora_unet_lin.lokr_w2", [2, 2])], code: .wrongShape,
            mentions: ["lora_unet_lin.lokr_w1", "[4, 2]"]),
        Fault(
            testDescription: "a LoHa half without its other factor",
            tensors: [
                ("lora_unet_lin.hada_w1_a", [6, 2]), ("lora_unet_lin.hada_w1_b", [2, 4]),
                ("lora_unet_lin.hada_w2_a", [6, 2]),
            ], code: .incompleteLayer, mentions: ["lora_unet_lin.hada_w2_b"]),
        Fault(
            testDescription: "a LoHa core of another kernel",
            tensors: [
                ("lora_unet_conv.hada_w1_a", [2, 6]), ("lora_unet_conv.hada_w1_b", [2, 4]),
                ("lora_unet_conv.hada_w2_a", [2, 6]), ("lora_unet_conv.hada_w2_b", [2, 4]),
                ("lora_unet_conv.hada_t1", [2, 2, 5, 5]), ("lora_unet_conv.hada_t2", [2, 2, 3, 3]),
            ], code: .wrongShape, mentions: ["lora_unet_conv.hada_t1", "[2, 2, 5, 5]", "[2, 2, 3, 3]"]),
        Fault(
            testDescription: "a Kronecker product of one factor", tensors: [("lora_unet_lin.lokr_w1", [2, 2])],
            code: .incompleteLayer, mentions: ["lora_unet_lin.lokr_w2_a"]),
        Fault(
            testDescription: "a difference of another shape", tensors: [("lora_unet_lin.diff", [4, 6])],
            code: .wrongShape, mentions: ["lora_unet_lin.diff", "[4, 6]", "[6, 4]"]),
        Fault(
            testDescription: "a bias for a layer that has none",
            tensors: [("lora_unet_lin.diff", [6, 4]), ("lora_unet_lin.diff_b", [6])], code: .unplacedKey,
            mentions: ["lora_unet_lin.diff_b", "no bias"]),
        Fault(
            testDescription: "rotations that do not fill the rows", tensors: [("lora_unet_lin.oft_blocks", [2, 2, 2])],
            code: .wrongShape, mentions: ["lora_unet_lin.oft_blocks", "[2, 2, 2]"]),
        Fault(
            testDescription: "a factor for each of the wrong channels",
            tensors: [("lora_unet_lin.weight", [5]), ("lora_unet_lin.on_input", [])], code: .wrongShape,
            mentions: ["lora_unet_lin.weight", "[5]"]),
        Fault(
            testDescription: "GLoRA's tensors of two layers",
            tensors: [
                ("lora_unet_lin.a1.weight", [4, 2]), ("lora_unet_lin.a2.weight", [2, 4]),
                ("lora_unet_lin.b1.weight", [7, 2]), ("lora_unet_lin.b2.weight", [2, 4]),
            ], code: .wrongShape, mentions: ["lora_unet_lin.b1.weight", "[7, 2]", "[6, 2]"]),
        Fault(
            testDescription: "GLoKr without what it adds",
            tensors: [
                ("lora_unet_lin.b.lokr_w1", [2, 2]), ("lora_unet_lin.b.lokr_w2", [3, 2]),
                ("lora_unet_lin.a.lokr_w1", [2, 2]),
            ], code: .incompleteLayer, mentions: ["lora_unet_lin.a.lokr_w2_a"]),
        Fault(
            testDescription: "magnitudes of no axis",
            tensors: [
                ("lora_unet_lin.lora_up.weight", [6, 2]), ("lora_unet_lin.lora_down.weight", [2, 4]),
                ("lora_unet_lin.dora_scale", [5, 1]),
            ], code: .wrongShape, mentions: ["lora_unet_lin.dora_scale", "[5, 1]"]),
        Fault(
            testDescription: "a scale of two numbers",
            tensors: [
                ("lora_unet_lin.lora_up.weight", [6, 2]), ("lora_unet_lin.lora_down.weight", [2, 4]),
                ("lora_unet_lin.alpha", [2]),
            ], code: .wrongShape, mentions: ["lora_unet_lin.alpha", "one finite number"]),
        Fault(
            testDescription: "a rank of 0",
            tensors: [("lora_unet_lin.lora_up.weight", [6, 0]), ("lora_unet_lin.lora_down.weight", [0, 4])],
            code: .wrongShape, mentions: ["lora_unet_lin.lora_", "0"]),
        Fault(
            testDescription: "a norm's keys at a linear layer", tensors: [("lora_unet_lin.w_norm", [6])],
            code: .unplacedKey, mentions: ["lora_unet_lin.w_norm", "lora_up.weight"]),
        Fault(
            testDescription: "a linear layer's keys at a norm", tensors: [("lora_unet_norm.lora_up.weight", [6, 2])],
            code: .unplacedKey, mentions: ["lora_unet_norm.lora_up.weight", "w_norm"]),
        Fault(
            testDescription: "a norm of another width",
            tensors: [("lora_unet_norm.w_norm", [5]), ("lora_unet_norm.b_norm", [5])], code: .wrongShape,
            mentions: ["lora_unet_norm.w_norm", "[5]", "[6]"]),
        Fault(
            testDescription: "T-LoRA, which works with its own base only",
            tensors: [("lora_unet_lin.lambda_layer", [1, 2])], code: .unplacedKey,
            mentions: ["lora_unet_lin.lambda_layer", "T-LoRA"]),
        Fault(
            testDescription: "two spellings of one layer",
            tensors: [("lora_unet_lin.diff", [6, 4]), ("lycoris_lin.diff", [6, 4])], code: .unplacedKey,
            mentions: ["lora_unet_lin", "lycoris_lin", "same layer"]),
        Fault(
            testDescription: "another model's keys", tensors: [("transformer.blocks.0.attn.lora_A.weight", [2, 4])],
            code: .unplacedKey, mentions: ["transformer.blocks.0.attn.lora_A.weight", "no layer of that name"]),
    ]

    @Test("with numbers that are not finite is refused by the key's name", arguments: [Float.nan, .infinity])
    func notFinite(value: Float) throws {
        let folder = try TemporaryFolder()
        let network = TwoLayers(outputs: 6, inputs: 4)
        for bad in ["lora_up.weight", "lora_down.weight", "alpha"] {
            var writer = SafetensorsWriter()
            for (suffix, shape) in [("lora_up.weight", [6, 2]), ("lora_down.weight", [2, 4]), ("alpha", [])] {
                var floats = filled(shape, q: 3)
                if suffix == bad { floats[floats.count / 2] = value }
                writer.add("lora_unet_lin.\(suffix)", shape: shape, floats: floats)
            }
            try writer.write(to: folder.path + "/bad.safetensors")
            #expect {
                try AdapterSet.load(folder.path + "/bad.safetensors", unet: network, textEncoder: nil)
            } throws: { "\($0)".contains("lora_unet_lin.\(bad)") && "\($0)".contains("finite") }
        }
    }

    @Test("with a fault is refused by the key's name", arguments: faults)
    func refused(fault: Fault) throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        for (name, shape) in fault.tensors { writer.add(name, shape: shape, floats: filled(shape, q: 3)) }
        try writer.write(to: folder.path + "/bad.safetensors")
        let network = TwoLayers(outputs: 6, inputs: 4)
        #expect {
            try AdapterSet.load(folder.path + "/bad.safetensors", unet: network, textEncoder: nil)
        } throws: { error in
            guard let error = error as? AdapterError, error.code == fault.code else { return false }
            return fault.mentions.allSatisfy(error.message.contains)
        }
    }
}
