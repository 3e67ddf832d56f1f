import CoreAdapters
import CoreDiffusion
import CoreTensor
import CoreTools
import Foundation
import TestSupport
import Testing

/// One rule says what the tensors of a layer stand for, for networks and tools alike: each is used, or named
/// in an error.
///
/// Truth: the formula in torch, f64, on the fixture pipeline (`Fixtures/generate_forms.py`).
@Suite("The tensors of an adapter's layer")
struct AdapterFormTests {
    private static let layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    private static let conv = "lora_unet_down_blocks_0_resnets_0_conv1"
    private static let dotted = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"

    static func sample(_ folder: String, adapter: String? = nil, strength: Float = 1) throws -> [Float] {
        let unet = try DiffusionPipeline.loadUNet(folder + "/unet")
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        if let adapter {
            AdapterSet.attach([(try AdapterSet.load(adapter, unet: unet, textEncoder: text), strength)])
        }
        return try ReferenceForwardTests.outputs(unet, text).sample
    }

    @Test(
        "that other programs put beside a LoRA count: scalars, magnitudes, biases, differences",
        arguments: ["scalar", "magnitude", "up_bias", "diff_beside"])
    func beside(name: String) throws {
        let folder = try TemporaryFolder()
        let path = Fixtures.path("form-\(name).safetensors")
        let file = try SafetensorsFile(path: Fixtures.path("forward-forms.safetensors"))
        let wanted = try file.floats(name)
        #expect(relativeError(try Self.sample(AdapterToolTests.pipeline, adapter: path), wanted) < 5e-6)
        if name != "magnitude" {
            let half = try Self.sample(AdapterToolTests.pipeline, adapter: path, strength: 0.5)
            #expect(relativeError(half, try file.floats("\(name).half")) < 5e-6)
        }
        // Written again in kohya's keys by a tool it is the same adapter.
        let again = folder.path + "/again.safetensors"
        var conversion = AdapterConversion(path: path, out: again, format: .kohya)
        conversion.type = .f32
        _ = try conversion.run()
        #expect(relativeError(try Self.sample(AdapterToolTests.pipeline, adapter: again), wanted) < 5e-6)
        // A base has no bias at to_q to merge one into.
        guard name != "up_bias" else {
            #expect {
                try AdapterMerge(
                    base: AdapterToolTests.pipeline, adapters: [(path, 1)], out: folder.path + "/merged"
                ).run()
            } throws: {
                "\($0)".contains("\(Self.layer).lora_up.bias") && "\($0)".contains("no bias")
            }
            return
        }
        _ = try AdapterMerge(
            base: AdapterToolTests.pipeline, adapters: [(path, 1)], out: folder.path + "/merged", type: .f32
        ).run()
        #expect(relativeError(try Self.sample(folder.path + "/merged"), wanted) < 5e-6)
    }

    @Test("a bias of the upper factor goes into diffusers' and PEFT's files and comes back")
    func biasConverted() throws {
        let folder = try TemporaryFolder()
        let wanted = try SafetensorsFile(path: Fixtures.path("forward-forms.safetensors")).floats("up_bias")
        for format in [AdapterConversion.Format.diffusers, .peft] {
            let out = "\(folder.path)/\(format.rawValue)"
            var conversion = AdapterConversion(
                path: Fixtures.path("form-up_bias.safetensors"), out: out, format: format)
            conversion.type = .f32
            let report = try conversion.run()
            #expect(report.left.isEmpty)
            #expect(relativeError(try Self.sample(AdapterToolTests.pipeline, adapter: out), wanted) < 5e-6)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tensors: [(String, [Int])]
        let code: AdapterError.Code
        /// The first is the key that the message begins with, after the file.
        let mentions: [String]
    }

    private static func lora(_ prefix: String = layer) -> [(String, [Int])] {
        [("\(prefix).lora_up.weight", [8, 2]), ("\(prefix).lora_down.weight", [2, 8])]
    }

    static let refusals = [
        Refusal(
            testDescription: "a second algorithm",
            tensors: lora() + [
                ("\(layer).hada_w1_a", [8, 2]), ("\(layer).hada_w1_b", [2, 8]), ("\(layer).hada_w2_a", [8, 2]),
                ("\(layer).hada_w2_b", [2, 8]),
            ], code: .unplacedKey, mentions: ["\(layer).hada_w1_a", "\(layer).lora_up.weight", "one algorithm"]),
        Refusal(
            testDescription: "a norm's tensors beside a LoRA", tensors: lora() + [("\(layer).w_norm", [8])],
            code: .unplacedKey, mentions: ["\(layer).w_norm", "\(layer).lora_up.weight"]),
        Refusal(
            testDescription: "an alpha that stands alone", tensors: [("\(layer).alpha", [])], code: .unplacedKey,
            mentions: ["\(layer).alpha", "stands alone", "\(layer).lora_up.weight"]),
        Refusal(
            testDescription: "an alpha that nothing uses",
            tensors: [("\(layer).diff", [8, 8]), ("\(layer).alpha", [])], code: .unplacedKey,
            mentions: ["\(layer).alpha", "full"]),
        Refusal(
            testDescription: "a scalar of no algorithm that has one",
            tensors: [("\(layer).diff", [8, 8]), ("\(layer).scalar", [])], code: .unplacedKey,
            mentions: ["\(layer).scalar"]),
        Refusal(
            testDescription: "a tensor that nobody knows", tensors: lora() + [("\(layer).reg", [2])],
            code: .unplacedKey, mentions: ["\(layer).reg", "lora"]),
        Refusal(
            testDescription: "sparse differences", tensors: lora() + [("\(layer).bias_indices", [2, 3])],
            code: .unplacedKey, mentions: ["\(layer).bias_indices", "sparse"]),
        Refusal(
            testDescription: "one core of two",
            tensors: [
                ("\(conv).hada_t2", [2, 2, 3, 3]), ("\(conv).hada_w1_a", [2, 8]), ("\(conv).hada_w1_b", [2, 8]),
                ("\(conv).hada_w2_a", [2, 8]), ("\(conv).hada_w2_b", [2, 8]),
            ], code: .incompleteLayer, mentions: ["\(conv).hada_t2", "no \(conv).hada_t1"]),
        Refusal(
            testDescription: "two forms of one Kronecker factor",
            tensors: [
                ("\(layer).lokr_w1", [2, 2]), ("\(layer).lokr_w2", [4, 4]), ("\(layer).lokr_w2_a", [4, 1]),
                ("\(layer).lokr_w2_b", [1, 4]),
            ], code: .unplacedKey, mentions: ["\(layer).lokr_w2_a", "\(layer).lokr_w2"]),
        Refusal(
            testDescription: "kohya's ending after diffusers' name",
            tensors: [
                ("unet.\(dotted).alpha", []), ("unet.\(dotted).lora_down.weight", [2, 8]),
                ("unet.\(dotted).lora_up.weight", [8, 2]),
            ], code: .unplacedKey, mentions: ["unet.\(dotted).lora_down.weight", "lora_A.weight", "kohya"]),
        Refusal(
            testDescription: "half a diffusers LoRA", tensors: [("unet.\(dotted).lora_A.weight", [2, 8])],
            code: .incompleteLayer, mentions: ["unet.\(dotted).lora_A.weight", "no unet.\(dotted).lora_B.weight"]),
        Refusal(
            testDescription: "a wrong shape in diffusers' spelling",
            tensors: [("unet.\(dotted).lora_A.weight", [2, 8]), ("unet.\(dotted).lora_B.weight", [8, 3])],
            code: .wrongShape, mentions: ["unet.\(dotted).lora_B.weight", "[8, 3]", "[8, 2]"]),
        Refusal(
            testDescription: "two spellings of one tensor",
            tensors: lora() + [("unet.\(dotted).lora_A.weight", [2, 8])], code: .unplacedKey,
            mentions: ["unet.\(dotted).lora_A.weight", "\(layer).lora_down.weight", "same tensor"]),
        Refusal(
            testDescription: "nothing in a tensor",
            tensors: [("\(layer).lora_up.weight", [8, 0]), ("\(layer).lora_down.weight", [0, 8])], code: .wrongShape,
            mentions: ["\(layer).lora_", "holds no number"]),
        Refusal(
            testDescription: "a difference of another size than what it stands beside",
            tensors: lora() + [("\(layer).diff", [8, 9])], code: .wrongShape,
            mentions: ["\(layer).diff", "[8, 9]"]),
        Refusal(
            testDescription: "PEFT's other kinds", tensors: [("base_model.model.\(dotted).ia3_l", [8, 1])],
            code: .unplacedKey, mentions: ["base_model.model.\(dotted).ia3_l"]),
    ]

    @Test("with a fault are refused by the network and by every tool, naming a key of the file", arguments: refusals)
    func refused(refusal: Refusal) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/bad.safetensors"
        var writer = SafetensorsWriter()
        for (name, shape) in refusal.tensors { writer.add(name, shape: shape, floats: filled(shape, q: 3)) }
        try writer.write(to: path)
        let base = AdapterToolTests.pipeline
        let readers: [(String, () throws -> Void)] = [
            (
                "model",
                {
                    _ = try AdapterSet.load(
                        path, unet: try DiffusionPipeline.loadUNet(base + "/unet"), textEncoder: nil)
                }
            ),
            ("inspect", { _ = try AdapterInspection(path: path) }),
            ("merge", { _ = try AdapterMerge(base: base, adapters: [(path, 1)], out: folder.path + "/out").run() }),
            (
                "resize",
                { _ = try AdapterResize(path: path, out: folder.path + "/out", rule: .fixed(1)).run() }
            ),
            (
                "convert",
                {
                    var conversion = AdapterConversion(path: path, out: folder.path + "/out", format: .lora)
                    conversion.rule = .fixed(1)
                    _ = try conversion.run()
                }
            ),
            ("compose", { _ = try AdapterComparison(adapters: [(path, 1), (path, 1)]) }),
        ]
        for (reader, read) in readers {
            let error = #expect(throws: AdapterError.self, "\(reader)") { try read() }
            #expect(error?.code == refusal.code, "\(reader): \(error?.message ?? "")")
            for text in refusal.mentions {
                #expect(error?.message.contains(text) == true, "\(reader): \(error?.message ?? "")")
            }
            #expect(error?.message.contains(path) == true, "\(reader): \(error?.message ?? "")")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test("a scale that nobody wrote down is assumed with a warning; one that is there is not")
    func assumed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/lora.safetensors"
        for hasAlpha in [false, true] {
            var writer = SafetensorsWriter()
            for (name, shape) in Self.lora() + (hasAlpha ? [("\(Self.layer).alpha", [])] : []) {
                writer.add(name, shape: shape, floats: filled(shape, q: 3).map { $0 + 1 })
            }
            try writer.write(to: path)
            let warnings = try StoredAdapter(path: path).warnings
            #expect(warnings.count == (hasAlpha ? 0 : 1))
            #expect(warnings.allSatisfy { $0.contains(path) && $0.contains(Self.layer) && $0.contains("alpha = rank") })
            let unet = try DiffusionPipeline.loadUNet(AdapterToolTests.pipeline + "/unet")
            #expect(try AdapterSet.load(path, unet: unet, textEncoder: nil).warnings == warnings)
        }
    }

    @Test("of no layer, bundled embeddings, are told and carried along")
    func embeddings() throws {
        let folder = try TemporaryFolder()
        let (path, out) = (folder.path + "/lora.safetensors", folder.path + "/out.safetensors")
        var writer = SafetensorsWriter()
        for (name, shape) in Self.lora() + [
            ("\(Self.layer).alpha", []), ("bundle_emb.cat.string_to_param.*", [2, 12]),
        ] {
            writer.add(name, shape: shape, floats: filled(shape, q: 3))
        }
        try writer.write(to: path)
        let inspected = try AdapterInspection(path: path)
        #expect(inspected.otherKeys == ["bundle_emb.cat.string_to_param.*"])
        #expect(inspected.warnings.count == 1 && inspected.warnings[0].contains("bundle_emb.cat"))
        _ = try AdapterResize(path: path, out: out, rule: .fixed(1), type: .f32).run()
        let written = try SafetensorsFile(path: out)
        #expect(try written.floats("bundle_emb.cat.string_to_param.*") == filled([2, 12], q: 3))
        var conversion = AdapterConversion(path: path, out: folder.path + "/d.safetensors", format: .diffusers)
        #expect(try conversion.run().left == ["bundle_emb.cat.string_to_param.*"])
        conversion.out = folder.path + "/k.safetensors"
        conversion.format = .kohya
        #expect(try conversion.run().left.isEmpty)
        #expect(try SafetensorsFile(path: conversion.out).names.contains("bundle_emb.cat.string_to_param.*"))
    }

    @Test("are trained by a replay only as the file has them")
    func replay() throws {
        let replay = Replay(
            model: AdapterToolTests.pipeline, adapter: Fixtures.path("form-scalar.safetensors"),
            batches: Fixtures.path("batches.safetensors"), learningRate: 1e-3)
        #expect { try replay.run() } throws: { "\($0)".contains(".scalar") && "\($0)".contains("convert --to kohya") }
    }
}
