import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import Testing

/// Truth: what diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline draw
/// (`Fixtures/generate_pipelines.py`).
@Suite("Whole pipelines against diffusers")
struct PipelineTests {
    private static let prompt = "a photo of the red heart"
    private static let negative = "the thinking face, don't"
    private static let long = String(
        repeating: "the grinning cat face with smiling eyes, and a red heart on the moon; ", count: 9)

    /// Denoised latents of the fixture's noise.
    private func draw(
        _ pipeline: DiffusionPipeline, _ kind: SamplerKind, latents: Tensor, negative: String
    ) -> Tensor {
        let sizes = [pipeline.wholePicture((16, 8))]
        return kind.sampler(pipeline.schedule, steps: 3).sample(
            unet: pipeline.unet, latents: latents,
            conditional: pipeline.condition([Self.prompt], sizes: sizes),
            unconditional: pipeline.unconditional(
                [pipeline.ids(of: negative)], isEmpty: negative.isEmpty, sizes: sizes), guidance: 3)
    }

    @Test(
        "prompt, negative prompt, guidance, sampler and decoder give diffusers' latents and pixels",
        arguments: ["pipeline-sd", "pipeline-xl"], SamplerKind.ofNoise)
    func images(folder: String, kind: SamplerKind) throws {
        let fixture = try Fixture(folder)
        let pipeline = try DiffusionPipeline(directory: fixture.folder)
        let latents = try fixture.image("latents")
        for (name, negative) in [("plain", ""), ("negative", Self.negative)] {
            let found = draw(pipeline, kind, latents: latents, negative: negative)
            #expect(distance(found, try fixture.image("\(kind.rawValue).\(name).latent")) < 5e-5, "\(name)")
            let pixels = clamp(
                adding(scaled(pipeline.vae.decode(pipeline.vae.unscaled(found)), by: 0.5), constant: 0.5), 0, 1)
            #expect(distance(pixels, try fixture.image("\(kind.rawValue).\(name).pt")) < 5e-5, "\(name)")
        }
    }

    @Test("an empty negative prompt is zeros or the encoding of no words, as the index says")
    func zerosForEmpty() throws {
        let fixture = try Fixture("pipeline-xl")
        var pipeline = try DiffusionPipeline(directory: fixture.folder)
        #expect(pipeline.zerosForEmptyPrompt)
        pipeline.zerosForEmptyPrompt = false
        let found = draw(pipeline, .ddim, latents: try fixture.image("latents"), negative: "")
        #expect(distance(found, try fixture.image("encoded.latent")) < 5e-5)
    }

    @Test("a long prompt in three chunks gives kohya's states", arguments: ["pipeline-sd", "pipeline-xl"])
    func longPrompt(folder: String) throws {
        let fixture = try Fixture(folder)
        let pipeline = try DiffusionPipeline(directory: fixture.folder)
        let ids = pipeline.ids(of: Self.long, chunks: 3)
        #expect(ids.first.count == 3 && ids.first.allSatisfy { $0.count == 77 })
        let condition = pipeline.condition([ids, ids])
        let wanted = try fixture.tensor("long")
        #expect(condition.states.shape == [2, 227, wanted.shape[2]])
        for row in 0..<2 { #expect(distance(slice(condition.states, batch: row..<row + 1), wanted) < parity) }
        guard let added = condition.added else { return }
        #expect(distance(slice(added.text, batch: 1..<2), try fixture.tensor("long.pooled")) < parity)
    }

    @Test("one chunk is the plain encoding")
    func oneChunk() throws {
        let pipeline = try DiffusionPipeline(directory: Fixture.path("pipeline-sd"))
        let ids = pipeline.ids(of: Self.prompt)
        #expect(ids.first == [pipeline.tokenizer.encode(Self.prompt)])
        let alone = pipeline.textEncoder(ids: ids.first).hidden
        #expect(pipeline.condition([Self.prompt]).states.values == alone.values)
    }

    @Test("an SDXL folder that was saved is loaded again, and one without its second encoder is refused")
    func saving() throws {
        let saved = try DiffusionPipeline(directory: Fixture.path("pipeline-xl"))
        try withFolder { folder in
            try saved.save(to: folder)
            let loaded = try DiffusionPipeline(directory: folder)
            let (a, b) = (saved.condition([Self.prompt]), loaded.condition([Self.prompt]))
            #expect(a.states.values == b.states.values && a.added?.text.values == b.added?.text.values)
            #expect(loaded.zerosForEmptyPrompt)
            try FileManager.default.removeItem(atPath: folder + "/text_encoder_2")
            #expect {
                _ = try DiffusionPipeline(directory: folder)
            } throws: { "\($0)".contains("text_encoder_2") }
        }
    }

    /// The original single file of a fixture's folder, by the recipe that diffusers' converters have checked.
    private func writeSingleFile(_ name: String, to path: String) throws {
        struct Entry: Decodable {
            let name, part, way: String
            let tensors: [String]
        }
        let folder = Fixture.path(name)
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/single-file.json")))
        var files: [String: SafetensorsFile] = [:]
        var writer = SafetensorsWriter()
        for entry in entries {
            let weights = entry.part.hasPrefix("text") ? "model" : "diffusion_pytorch_model"
            let file = try files[entry.part] ?? SafetensorsFile(path: "\(folder)/\(entry.part)/\(weights).safetensors")
            files[entry.part] = file
            var shape = try #require(file.info(entry.tensors[0])).shape
            var floats = try entry.tensors.flatMap { try file.floats($0) }
            switch entry.way {
            case "convolution": shape += [1, 1]
            case "stacked": shape[0] *= entry.tensors.count
            case "transposed":
                floats = permuted(Tensor(floats, shape), [1, 0]).values
                shape.reverse()
            default: break
            }
            writer.add(entry.name, shape: shape, floats: floats, type: .f16)
        }
        // What such files also hold and nobody needs.
        writer.add("alphas_cumprod", shape: [3], floats: [1, 1, 1])
        writer.add("model_ema.decay", shape: [], floats: [1])
        if name == "pipeline-xl" { writer.add("conditioner.embedders.1.model.logit_scale", shape: [], floats: [1]) }
        try writer.write(to: path)
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "radiata-pipeline-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        try body(folder)
    }

    private func expectEqual(_ first: any Module, _ second: any Module) {
        for (a, b) in zip(first.allParameters(), second.allParameters()) {
            #expect(a.path == b.path && a.parameter.tensor.values == b.parameter.tensor.values, "\(a.path)")
        }
    }

    @Test("the original single file is the folder, its sizes read off shapes or out of configurations beside it")
    func singleFiles() throws {
        for name in ["pipeline-sd", "pipeline-xl"] {
            let folder = try DiffusionPipeline(directory: Fixture.path(name))
            try withFolder { place in
                let path = place + "/model.safetensors"
                try writeSingleFile(name, to: path)
                try FileManager.default.copyItem(
                    atPath: Fixture.path(name) + "/tokenizer", toPath: place + "/tokenizer")
                if name == "pipeline-xl" {
                    for part in ["unet", "vae", "text_encoder", "text_encoder_2"] {
                        try FileManager.default.createDirectory(
                            atPath: "\(place)/\(part)", withIntermediateDirectories: true)
                        try FileManager.default.copyItem(
                            atPath: "\(Fixture.path(name))/\(part)/config.json", toPath: "\(place)/\(part)/config.json")
                    }
                }
                let single = try DiffusionPipeline.load(path: path)
                expectEqual(single.unet, folder.unet)
                expectEqual(single.vae, folder.vae)
                expectEqual(single.textEncoder, folder.textEncoder)
                if let second = folder.textEncoder2 { expectEqual(try #require(single.textEncoder2), second) }
                var other = folder
                other.schedule = single.schedule
                let latents = try Fixture(name).image("latents")
                let found = draw(single, .euler, latents: latents, negative: Self.negative)
                let wanted = draw(other, .euler, latents: latents, negative: Self.negative)
                #expect(found.values == wanted.values)
            }
        }
    }

    @Test("a file without all parts, one of sizes nobody publishes, and one without a tokenizer are refused")
    func refusedSingleFiles() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        let part = message {
            _ = try SingleFileCheckpoint(path: Fixture.path("pipeline-sd/text_encoder/model.safetensors"))
        }
        #expect(part.contains("model.diffusion_model."))
        try withFolder { place in
            let path = place + "/model.safetensors"
            try writeSingleFile("pipeline-xl", to: path)
            let sizes = message { _ = try SingleFileCheckpoint(path: path).unetConfiguration() }
            #expect(sizes.contains("unet/config.json"))
            try writeSingleFile("pipeline-sd", to: path)
            let tokenizer = message { _ = try DiffusionPipeline.load(path: path) }
            #expect(tokenizer.contains("vocab.json"))
            let wrong = message { _ = try DiffusionPipeline.load(path: path, tokenizer: place) }
            #expect(wrong.contains("tokenizer's folder"))
        }
        #expect(message { _ = try DiffusionPipeline.load(path: "/nowhere/x.safetensors") }.contains("no model"))
    }
}
