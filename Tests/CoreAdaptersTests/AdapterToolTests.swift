import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// The tools on the fixture pipeline; truth is lycoris-lora's forward output where there is one.
@Suite("Adapter tools")
struct AdapterToolTests {
    static let pipeline = Fixtures.path("pipeline")

    static func adapter(_ name: String) -> String { Fixtures.path("adapter-\(name).safetensors") }

    /// Outputs of a pipeline folder, of which the adapter may be a part.
    static func outputs(_ folder: String, adapter: String? = nil) throws -> (sample: [Float], hidden: [Float]) {
        let unet = try DiffusionPipeline.loadUNet(folder + "/unet")
        let text = try DiffusionPipeline.loadTextEncoder(folder + "/text_encoder")
        if let adapter {
            let set = try AdapterSet.load(adapter, unet: unet, textEncoder: text)
            set.isTraining = false
            set.attach()
        }
        return try ReferenceForwardTests.outputs(unet, text)
    }

    @Test(
        "merge into a base so that it computes what lycoris-lora computes with the adapter",
        arguments: ReferenceForwardTests.cases + ReferenceForwardTests.variants)
    func merge(name: String) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/merged"
        _ = try AdapterMerge(base: Self.pipeline, adapters: [(Self.adapter(name), 1)], out: out, type: .f32).run()
        let expected = try ReferenceForwardTests.expected(name)
        let found = try Self.outputs(out)
        #expect(relativeError(found.sample, try expected.floats("\(name).sample")) < 5e-6)
        #expect(relativeError(found.hidden, try expected.floats("\(name).hidden")) < 5e-6)
    }

    @Test("merge several adapters with strengths, in any order, and keep everything else of the base")
    func mergeSeveral() throws {
        let folder = try TemporaryFolder()
        let parts = [(path: Self.adapter("lora"), strength: 0.5), (path: Self.adapter("lokr_low"), strength: -0.7)]
        for (name, order) in [("a", parts), ("b", parts.reversed())] {
            _ = try AdapterMerge(base: Self.pipeline, adapters: order, out: "\(folder.path)/\(name)", type: .f32).run()
        }
        let (first, second) = (try Self.weights(folder.path + "/a"), try Self.weights(folder.path + "/b"))
        for (key, values) in first { #expect(relativeError(second[key] ?? [], values) < 1e-7, "\(key)") }
        #expect(FileManager.default.fileExists(atPath: folder.path + "/a/scheduler/scheduler_config.json"))
        #expect(FileManager.default.fileExists(atPath: folder.path + "/a/unet/config.json"))
        let unet = try DiffusionPipeline.loadUNet(Self.pipeline + "/unet")
        let text = try DiffusionPipeline.loadTextEncoder(Self.pipeline + "/text_encoder")
        AdapterSet.attach(
            try parts.map { (try AdapterSet.load($0.path, unet: unet, textEncoder: text), Float($0.strength)) })
        let wanted = try ReferenceForwardTests.outputs(unet, text)
        #expect(relativeError(try Self.outputs(folder.path + "/a").sample, wanted.sample) < 5e-6)
        // Types stay unless told otherwise.
        _ = try AdapterMerge(base: Self.pipeline, adapters: parts, out: folder.path + "/c").run()
        let file = try SafetensorsFile(path: folder.path + "/c/unet/diffusion_pytorch_model.safetensors")
        #expect(file.info("conv_in.weight")?.dtype == .f16)
    }

    static func weights(_ folder: String) throws -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        for (component, name) in [("unet", "diffusion_pytorch_model"), ("text_encoder", "model")] {
            let file = try SafetensorsFile(path: "\(folder)/\(component)/\(name).safetensors")
            for key in file.names where file.info(key)?.dtype != .i64 {
                result["\(component)/\(key)"] = try file.floats(key)
            }
        }
        return result
    }

    @Test(
        "convert to diffusers' and PEFT's keys and back without changing an output",
        arguments: ["lora", "lora_tucker", "dora"])
    func convertNames(name: String) throws {
        let folder = try TemporaryFolder()
        let expected = try Self.outputs(Self.pipeline, adapter: Self.loraOnly(name, folder.path))
        for format in [AdapterConversion.Format.diffusers, .peft] {
            let (there, back) = (
                "\(folder.path)/\(format.rawValue)", "\(folder.path)/\(format.rawValue)-back.safetensors"
            )
            var conversion = AdapterConversion(path: Self.adapter(name), out: there, format: format)
            conversion.type = .f32
            let report = try conversion.run()
            #expect(report.left.isEmpty == (name != "lora"))
            if format == .diffusers {
                let keys = try SafetensorsFile(path: there).names
                #expect(keys.contains("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"))
                #expect(keys.contains("text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight"))
                // Our own reader takes them as they are.
                let found = try Self.outputs(Self.pipeline, adapter: there)
                #expect(relativeError(found.sample, expected.sample) < 5e-6)
                #expect(relativeError(found.hidden, expected.hidden) < 5e-6)
            }
            var layers: [StoredLayer] = []
            for out in report.out {
                var returning = AdapterConversion(path: out, out: back, format: .kohya)
                returning.type = .f32
                _ = try returning.run()
                layers += try StoredAdapter(path: back).layers
            }
            try StoredAdapter(layers: layers).save(to: back, type: .f32)
            let found = try Self.outputs(Self.pipeline, adapter: back)
            #expect(relativeError(found.sample, expected.sample) < 5e-6)
            #expect(relativeError(found.hidden, expected.hidden) < 5e-6)
        }
    }

    /// The adapter without norms, which LoRA files of other programs cannot hold.
    private static func loraOnly(_ name: String, _ folder: String) throws -> String {
        var plain = try StoredAdapter(path: adapter(name))
        plain.layers.removeAll { $0.isNorm }
        let path = "\(folder)/plain-\(name).safetensors"
        try plain.save(to: path, type: .f32)
        return path
    }

    @Test(
        "convert what is no LoRA by decomposition: at full rank the same outputs, at a low one the best LoRA",
        arguments: ["loha", "lokr_low", "lokr_full", "ia3", "glora", "boft", "dora_input"])
    func decompose(name: String) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/lora.safetensors"
        var conversion = AdapterConversion(path: Self.adapter(name), out: out, format: .lora)
        conversion.rule = .fixed(100_000)
        conversion.base = Self.pipeline
        conversion.type = .f32
        let report = try conversion.run()
        #expect(report.decomposed.count == report.layers && report.decomposed.values.allSatisfy { $0 < 1e-6 })
        let expected = try ReferenceForwardTests.expected(name)
        let found = try Self.outputs(Self.pipeline, adapter: out)
        #expect(relativeError(found.sample, try expected.floats("\(name).sample")) < 5e-6)
        #expect(relativeError(found.hidden, try expected.floats("\(name).hidden")) < 5e-6)
        #expect(try StoredAdapter(path: out).layers.allSatisfy { $0.algorithm == .lora })
        conversion.rule = .fixed(1)
        conversion.out = folder.path + "/one.safetensors"
        #expect(try conversion.run().decomposed.values.contains { $0 > 1e-3 })
    }

    @Test("convert says what it needs")
    func convertRefusals() throws {
        let folder = try TemporaryFolder()
        func message(_ name: String, _ configure: (inout AdapterConversion) -> Void = { _ in }) -> String {
            var conversion = AdapterConversion(
                path: Self.adapter(name), out: folder.path + "/out.safetensors", format: .diffusers)
            configure(&conversion)
            do {
                _ = try conversion.run()
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(message("loha").contains("loha is no LoRA; give a rank (--dim)"))
        #expect(message("loha") { $0.rule = .fixed(4) }.contains("name the base model (--model)"))
        #expect(message("ia3") { $0.rule = .fixed(4) }.contains("name the base model"))
        let other = message("dora_input")
        #expect(other.contains("is no LoRA"), "\(other)")
    }

    @Test("compare adapters by the cosine and norm of their changes")
    func compose() throws {
        let same = try AdapterComparison(adapters: [(Self.adapter("lora"), 1), (Self.adapter("lora"), 0.5)])
        #expect(abs(same.pairs[0].cosine - 1) < 1e-12)
        #expect(abs(same.together - 1.5 * same.norms[0]) < 1e-9 * same.norms[0])
        let opposite = try AdapterComparison(adapters: [(Self.adapter("loha"), 1), (Self.adapter("loha"), -1)])
        #expect(abs(opposite.pairs[0].cosine + 1) < 1e-12 && opposite.together < 1e-6 * opposite.norms[0])
        let others = try AdapterComparison(
            adapters: [(Self.adapter("lora"), 1), (Self.adapter("lokr_full"), 1), (Self.adapter("boft"), 1)],
            base: Self.pipeline)
        #expect(others.pairs.count == 3)
        // Random changes of hundreds of numbers have little to do with each other.
        #expect(abs(others.pairs[0].cosine) < 0.1 && abs(others.growth - 1) < 0.1)
        // A layer by hand.
        let name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        let layers = try ["lora", "lokr_full"].map { file in
            try #require(try StoredAdapter(path: Self.adapter(file)).layers.first { $0.name == name })
        }
        let (a, b) = (try layers[0].delta(base: nil), try layers[1].delta(base: nil))
        let row = try #require(others.layers.first { $0.name == name })
        let cosine = try #require(row.cosines[0])
        #expect(abs(cosine - a.inner(b) / (a.norm * b.norm)) < 1e-12)
        #expect(throws: AdapterError.self) {
            try AdapterComparison(adapters: [(Self.adapter("lora"), 1), (Self.adapter("boft"), 1)])
        }
    }

    @Test("look into a file: algorithms, ranks, sizes and norms")
    func inspect() throws {
        let report = try AdapterInspection(path: Self.adapter("lora"), base: Self.pipeline, countsRanks: true)
        #expect(report.algorithms["lora"] == 95 && report.algorithms["norm"] != nil)
        #expect(report.ranks == [2, 4])
        let file = try SafetensorsFile(path: Self.adapter("lora"))
        #expect(report.values == file.names.reduce(0) { $0 + (file.info($1)?.count ?? 0) })
        let row = try #require(report.layers.first { $0.name.hasSuffix("attn1_to_q") })
        #expect(row.rank == 4 && row.alpha == 2 && row.scale == 0.5 && row.numericalRank == 4)
        let norm = try #require(row.norm)
        #expect(norm > 0 && (row.share ?? 0) > 0)
        let relative = try AdapterInspection(path: Self.adapter("ia3"))
        #expect(relative.layers.allSatisfy { $0.norm == nil })
    }

    @Test("refuse broken and foreign files by the key's name")
    func refused() throws {
        let folder = try TemporaryFolder()
        func message(_ tensors: [(String, [Int])]) throws -> String {
            let path = folder.path + "/bad.safetensors"
            var writer = SafetensorsWriter()
            for (name, shape) in tensors { writer.add(name, shape: shape, floats: filled(shape, q: 3)) }
            try writer.write(to: path)
            do {
                _ = try AdapterInspection(path: path, base: Self.pipeline)
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        let layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        #expect(try message([("\(layer).lambda_layer", [1, 4])]).contains("T-LoRA"))
        #expect(try message([("\(layer).oft_diag", [1, 4])]).contains("\(layer).oft_diag"))
        #expect(try message([("\(layer).lora_up.weight", [8, 2])]).contains("\(layer).lora_down.weight"))
        #expect(
            try message([("\(layer).lora_up.weight", [7, 2]), ("\(layer).lora_down.weight", [2, 8])]).contains(layer))
        #expect(try message([("lora_unet_nowhere.diff", [7, 2])]).contains("lora_unet_nowhere"))
        #expect(try message([("weight", [7, 2])]).contains("weight"))
        try Data("no tensors here, only words".utf8).write(to: URL(fileURLWithPath: folder.path + "/text.safetensors"))
        #expect(throws: TensorError.self) { try AdapterInspection(path: folder.path + "/text.safetensors") }
        #expect(throws: (any Error).self) {
            try AdapterMerge(base: Self.pipeline, adapters: [(Self.adapter("lora"), 1)], out: folder.path).run()
        }
    }

    @Test("merge into a single file with the original names")
    func singleFile() throws {
        let folder = try TemporaryFolder()
        let base = folder.path + "/model.safetensors"
        var writer = SafetensorsWriter()
        let query = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
        let words = "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight"
        writer.add(query, shape: [4, 4], floats: filled([4, 4], q: 2))
        writer.add(words, shape: [4, 4], floats: filled([4, 4], q: 3), type: .f16)
        writer.add(
            "model.diffusion_model.input_blocks.3.0.op.weight", shape: [4, 4, 3, 3], floats: filled([4, 4, 3, 3], q: 3))
        writer.add("first_stage_model.decoder.conv_in.weight", shape: [2], floats: [1, 2])
        try writer.write(to: base)
        let change = StoredTensor(filled([4, 4], q: 5).map(Double.init), shape: [4, 4])
        let names = [
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
            "lora_te_text_model_encoder_layers_0_mlp_fc1",
        ]
        let adapter = StoredAdapter(
            layers: names.map { StoredLayer(name: $0, algorithm: .full, tensors: ["diff": change]) })
        try adapter.save(to: folder.path + "/adapter.safetensors", type: .f32)
        let out = folder.path + "/merged.safetensors"
        let report = try AdapterMerge(base: base, adapters: [(folder.path + "/adapter.safetensors", 2)], out: out).run()
        #expect(report.layers == 2)
        let (before, after) = (try SafetensorsFile(path: base), try SafetensorsFile(path: out))
        #expect(after.names == before.names)
        let wanted = zip(try before.floats(query), change.values).map { $0 + 2 * Float($1) }
        #expect(relativeError(try after.floats(query), wanted) < 1e-6)
        #expect(after.info(words)?.dtype == .f16)
        #expect(try after.floats("first_stage_model.decoder.conv_in.weight") == [1, 2])
    }
}
