import CoreAdapters
import CoreDiffusion
import CoreTensor
import CoreTools
import Foundation
import RunSpec
import TestSupport
import Testing

/// Truth: lycoris-lora's forward pass in f64 and diffusers' SDXL pipeline (`Fixtures/generate_xl.py`).
@Suite("Adapters of SDXL")
struct LargeModelTests {
    /// The fixture of the diffusion module's tests.
    static let pipeline = URL(filePath: Fixtures.directory).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "CoreDiffusionTests/Fixtures/pipeline-xl").path
    private static let prompt = "a photo of the red heart"

    static func adapter(_ name: String) -> String { Fixtures.path("adapter-\(name).safetensors") }

    private static func load(_ name: String, into pipeline: DiffusionPipeline) throws -> AdapterSet {
        try AdapterSet.load(
            adapter(name), unet: pipeline.unet, textEncoder: pipeline.textEncoder,
            secondTextEncoder: pipeline.textEncoder2)
    }

    /// The U-Net's answer to the first batch in the reference's order (NCHW), and what the text encoders say.
    static func outputs(_ pipeline: DiffusionPipeline) throws -> (sample: [Float], states: [Float], pooled: [Float]) {
        let file = try SafetensorsFile(path: Fixtures.path("batches-xl.safetensors"))
        func ids(_ name: String) throws -> [[Int32]] {
            let values = try file.integers(name).map { Int32($0) }
            return [Array(values[..<12]), Array(values[12...])]
        }
        let sizes = try file.floats("time_ids.0")
        return try withoutGradients {
            let small = pipeline.textEncoder.penultimate(ids: try ids("input_ids.0")).hidden
            let second = try #require(pipeline.textEncoder2)
            let large = second.penultimate(ids: try ids("input_ids_2.0"))
            let condition = TextCondition(
                small, large.hidden, pooled: large.embedding, sizes: [Array(sizes[..<6]), Array(sizes[6...])])
            let unet = try #require(pipeline.unet as? UNet2DConditionModel)
            let answer = unet(
                sample: permuted(try file.tensor("latents.0"), [0, 2, 3, 1]),
                timesteps: try file.integers("timesteps.0").map { Float($0) }, context: condition.states,
                added: condition.added)
            return (
                permuted(answer, [0, 3, 1, 2]).values, condition.states.values, large.embedding.values
            )
        }
    }

    @Test(
        "in kohya's names give the reference's outputs of the U-Net and both text encoders",
        arguments: ["xl_lora", "xl_lokr"], [true, false])
    func forward(name: String, training: Bool) throws {
        let pipeline = try DiffusionPipeline(directory: Self.pipeline)
        let adapters = try Self.load(name, into: pipeline)
        adapters.isTraining = training
        adapters.attach()
        let expected = try SafetensorsFile(path: Fixtures.path("forward-xl.safetensors"))
        let found = try Self.outputs(pipeline)
        #expect(relativeError(found.sample, try expected.floats("\(name).sample")) < 5e-6)
        #expect(relativeError(found.states, try expected.floats("\(name).states")) < 5e-6)
        #expect(relativeError(found.pooled, try expected.floats("\(name).pooled")) < 5e-6)
    }

    @Test("draw what diffusers draws with the same file")
    func drawn() throws {
        let pipeline = try DiffusionPipeline(directory: Self.pipeline)
        let adapters = try Self.load("xl_lora", into: pipeline)
        adapters.isTraining = false
        adapters.attach()
        let expected = try SafetensorsFile(path: Fixtures.path("forward-xl.safetensors"))
        let sizes = [pipeline.wholePicture((16, 8))]
        let latents = permuted(try expected.tensor("latents"), [0, 2, 3, 1])
        let drawn = withoutGradients {
            SamplerKind.ddim.sampler(pipeline.schedule, steps: 3).sample(
                unet: pipeline.unet, latents: latents, conditional: pipeline.condition([Self.prompt], sizes: sizes),
                unconditional: pipeline.unconditional([pipeline.ids(of: "")], isEmpty: true, sizes: sizes), guidance: 3)
        }
        #expect(relativeError(permuted(drawn, [0, 3, 1, 2]).values, try expected.floats("drawn")) < 5e-5)
    }

    @Test("in files of our own are named as the reference names them, and come back")
    func names() throws {
        let pipeline = try DiffusionPipeline(directory: Self.pipeline)
        let adapter = AdapterSpec(
            algorithm: .lora, layers: LayerSelection(.full),
            size: AdapterSize(dim: 2, alpha: 1, convDim: 2, convAlpha: 1))
        let adapters = try AdapterSet.create(
            unet: pipeline.unet, textEncoder: pipeline.textEncoder, secondTextEncoder: pipeline.textEncoder2,
            adapter: adapter, seed: 3)
        let folder = try TemporaryFolder()
        try adapters.save(to: folder.path + "/new.safetensors", type: .f32)
        let (new, reference) = (
            try SafetensorsFile(path: folder.path + "/new.safetensors"),
            try SafetensorsFile(path: Self.adapter("xl_lora"))
        )
        #expect(new.names.sorted() == reference.names.sorted())
        for key in new.names { #expect(new.info(key)?.shape == reference.info(key)?.shape, "\(key)") }
        #expect(new.metadata["ss_base_model_version"] == "sdxl_base_v1-0")
        let again = try AdapterSet.load(
            folder.path + "/new.safetensors", unet: pipeline.unet, textEncoder: pipeline.textEncoder,
            secondTextEncoder: pipeline.textEncoder2)
        #expect(again.layers.count == adapters.layers.count)
        // One component alone takes its own keys and leaves the others'.
        let second = try AdapterSet.load(
            folder.path + "/new.safetensors", unet: nil, textEncoder: pipeline.textEncoder2)
        #expect(second.layers.count == 12 && second.layers.allSatisfy { $0.name.hasPrefix("lora_te2_") })
        let first = try AdapterSet.load(
            folder.path + "/new.safetensors", unet: nil, textEncoder: pipeline.textEncoder)
        #expect(first.layers.count == 12 && first.layers.allSatisfy { $0.name.hasPrefix("lora_te1_") })
    }

    @Test("merge into the U-Net and both text encoders", arguments: ["xl_lora", "xl_lokr"])
    func merged(name: String) throws {
        let folder = try TemporaryFolder()
        let out = folder.path + "/merged"
        _ = try AdapterMerge(base: Self.pipeline, adapters: [(Self.adapter(name), 1)], out: out, type: .f32).run()
        let expected = try SafetensorsFile(path: Fixtures.path("forward-xl.safetensors"))
        let found = try Self.outputs(try DiffusionPipeline(directory: out))
        #expect(relativeError(found.sample, try expected.floats("\(name).sample")) < 5e-6)
        #expect(relativeError(found.states, try expected.floats("\(name).states")) < 5e-6)
        #expect(relativeError(found.pooled, try expected.floats("\(name).pooled")) < 5e-6)
    }

    @Test("change an image by all three parts of the file")
    func sampled() throws {
        let folder = try TemporaryFolder()
        let whole = try StoredAdapter(path: Self.adapter("xl_lora"))
        func image(_ name: String, _ adapter: StoredAdapter?) throws -> Data {
            var sample = SampleImages(
                base: Self.pipeline, prompt: Self.prompt, out: folder.path + "/" + name, threads: 2)
            sample.steps = 3
            sample.size = PixelSize(width: 8, height: 16)
            sample.guidance = 3
            if let adapter {
                let path = "\(folder.path)/\(name).safetensors"
                try adapter.save(to: path, type: .f32)
                sample.adapters = [ScheduledAdapter(path: path, strength: 1)]
            }
            let file = try Data(contentsOf: URL(fileURLWithPath: try sample.run()[0]))
            // The pixels alone: the text before them names the adapter.
            let pixels = try #require(file.range(of: Data("IDAT".utf8)))
            return file[pixels.lowerBound...]
        }
        var images = [try image("none", nil), try image("all", whole)]
        for prefix in ["lora_unet_", "lora_te1_", "lora_te2_"] {
            var part = whole
            part.layers.removeAll { !$0.name.hasPrefix(prefix) }
            #expect(!part.layers.isEmpty)
            images.append(try image(prefix, part))
        }
        #expect(Set(images).count == 5)
    }
}
