import CoreTensor
import CoreTools
import Foundation
import Testing

/// The reference dumps are those of the diffusion module's tests.
@Suite("model run against diffusers and transformers")
struct ModelRunTests {
    private static let fixtures =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/CoreDiffusionTests/Fixtures"

    private typealias Values = (shape: [Int], floats: [Float])

    /// Runs a component on tensors of a fixture's cases, given by their names there.
    private func run(
        _ component: String, model: String, inputs: [String: String], integers: Set<String> = [],
        adapters: [(path: String, strength: Double)] = [], change: (inout SafetensorsWriter) -> Void = { _ in }
    ) throws -> [String: Values] {
        let cases = try SafetensorsFile(path: "\(Self.fixtures)/\(model)/cases.safetensors")
        let folder = NSTemporaryDirectory() + "radiata-model-run-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        var writer = SafetensorsWriter()
        for (name, source) in inputs {
            let shape = try #require(cases.info(source)).shape
            if integers.contains(name) {
                writer.add(name, shape: shape, integers: try cases.integers(source))
            } else {
                writer.add(name, shape: shape, floats: try cases.floats(source))
            }
        }
        change(&writer)
        try writer.write(to: folder + "/in.safetensors")
        try runModel(
            model: "\(Self.fixtures)/\(model)", component: component, adapters: adapters,
            inputs: folder + "/in.safetensors", output: folder + "/out.safetensors")
        let output = try SafetensorsFile(path: folder + "/out.safetensors")
        return try Dictionary(
            uniqueKeysWithValues: output.names.map { ($0, (output.info($0)?.shape ?? [], try output.floats($0))) })
    }

    private func expect(_ found: Values?, is name: String, of model: String) throws {
        let cases = try SafetensorsFile(path: "\(Self.fixtures)/\(model)/cases.safetensors")
        let (found, wanted) = (try #require(found), try cases.floats(name))
        #expect(found.shape == cases.info(name)?.shape)
        let largest = wanted.reduce(Float(0)) { max($0, abs($1)) }
        let furthest = zip(found.floats, wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(furthest < 5e-6 * largest, "\(name): \(furthest / largest)")
    }

    private static let unetInputs = [
        "sample": "odd.sample", "timestep": "odd.timestep", "encoder_hidden_states": "odd.context",
    ]

    @Test("the U-Net's output has the reference's name, layout and values")
    func unet() throws {
        let output = try run("unet", model: "unet", inputs: Self.unetInputs)
        #expect(output.keys.sorted() == ["sample"])
        try expect(output["sample"], is: "odd.output", of: "unet")
        let more = ["text_embeds": "odd.text_embeds", "time_ids": "odd.time_ids"]
        let large = try run("unet", model: "unet-xl", inputs: Self.unetInputs.merging(more) { first, _ in first })
        try expect(large["sample"], is: "odd.output", of: "unet-xl")
    }

    @Test("one integer timestep serves all samples")
    func scalarTimestep() throws {
        let inputs = ["sample": "even.sample", "encoder_hidden_states": "even.context"]
        let scalar = try run("unet", model: "unet", inputs: inputs) { $0.add("timestep", shape: [], integers: [7]) }
        let each = try run("unet", model: "unet", inputs: inputs) { $0.add("timestep", shape: [2], floats: [7, 7]) }
        #expect(scalar["sample"]?.floats == each["sample"]?.floats)
    }

    @Test("the autoencoder works on raw latents, both ways")
    func autoencoder() throws {
        let encoded = try run("vae-encode", model: "vae", inputs: ["pixels": "odd.pixels"])
        try expect(encoded["mean"], is: "odd.mean", of: "vae")
        try expect(encoded["logvar"], is: "odd.logvar", of: "vae")
        let decoded = try run("vae-decode", model: "vae", inputs: ["latents": "small.latents"])
        try expect(decoded["pixels"], is: "small.decoded", of: "vae")
    }

    @Test("VGG-19's Gram matrices have the contract's names, one for each picture", arguments: ["oblong", "smallest"])
    func vgg19(name: String) throws {
        let output = try run("vgg19", model: "vgg19", inputs: ["pixel_values": name + ".pixel_values"])
        #expect(output.keys.sorted() == (0..<5).map { "gram.\($0)" })
        for layer in 0..<5 {
            let cases = try SafetensorsFile(path: "\(Self.fixtures)/vgg19/cases.safetensors")
            let wanted = "\(name).gram.\(layer)"
            let (found, expected) = (try #require(output["gram.\(layer)"]), try cases.floats(wanted))
            #expect(found.shape == cases.info(wanted)?.shape)
            let largest = expected.reduce(Float(0)) { max($0, abs($1)) }
            let furthest = zip(found.floats, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(furthest < 1e-5 * largest, "layer \(layer): \(furthest / largest)")
        }
    }

    @Test("OpenCLIP's pair runs as transformers' does")
    func openCLIP() throws {
        let words = try run(
            "clip-text", model: "open-clip", inputs: ["input_ids": "input_ids"], integers: ["input_ids"])
        try expect(words["text_embeds"], is: "text_embeds", of: "open-clip")
        let image = try run("clip-image", model: "open-clip", inputs: ["pixel_values": "pixel_values"])
        try expect(image["image_embeds"], is: "image_embeds", of: "open-clip")
    }

    @Test("text and image encoders give transformers' tensors")
    func encoders() throws {
        let text = try run(
            "text-encoder", model: "text", inputs: ["input_ids": "input_ids"], integers: ["input_ids"])
        try expect(text["last_hidden_state"], is: "last_hidden_state", of: "text")
        try expect(text["pooled"], is: "pooled", of: "text")
        let words = try run("clip-text", model: "clip", inputs: ["input_ids": "input_ids"], integers: ["input_ids"])
        try expect(words["text_embeds"], is: "text_embeds", of: "clip")
        let image = try run("clip-image", model: "clip", inputs: ["pixel_values": "pixel_values"])
        try expect(image["image_embeds"], is: "image_embeds", of: "clip")
    }

    @Test("DINOv2 and SDXL's second text encoder give transformers' tensors")
    func moreEncoders() throws {
        for name in ["own", "oblong"] {
            let image = try run("dinov2", model: "dinov2", inputs: ["pixel_values": name + ".pixel_values"])
            try expect(image["cls"], is: name + ".cls", of: "dinov2")
        }
        let text = try run(
            "text-encoder-2", model: "text-2", inputs: ["input_ids": "input_ids"], integers: ["input_ids"])
        #expect(text.keys.sorted() == ["hidden", "text_embeds"])
        try expect(text["hidden"], is: "hidden", of: "text-2")
        try expect(text["text_embeds"], is: "text_embeds", of: "text-2")
        let error = #expect(throws: ModelError.self) {
            try run("text-encoder-2", model: "text", inputs: ["input_ids": "input_ids"], integers: ["input_ids"])
        }
        #expect(error?.message.contains("text_projection") == true)
    }

    @Test("inputs that do not fit are refused before the model runs, by name")
    func refused() {
        func message(_ component: String, _ inputs: [String: String], adapters: [(path: String, strength: Double)] = [])
            -> String
        {
            do {
                _ = try run(component, model: "unet", inputs: inputs, adapters: adapters)
                return "accepted"
            } catch let error as ModelError {
                return error.message
            } catch {
                return "another error: \(error)"
            }
        }
        #expect(message("unets", [:]).contains("known: unet, vae-encode"))
        #expect(message("unet", ["sample": "odd.sample"]).contains("encoder_hidden_states"))
        var inputs = Self.unetInputs
        inputs["timestep"] = "even.timestep"
        #expect(message("unet", inputs).contains("timestep"))
        inputs = Self.unetInputs
        inputs["sample"] = "odd.context"
        #expect(message("unet", inputs).contains("sample"))
        #expect(message("vae-encode", [:], adapters: [("a.safetensors", 1)]).contains("adapter"))
    }
}
