import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import Testing

@Suite("CLIP against transformers")
struct CLIPTests {
    @Test(
        "states and pooled vector are transformers', by the new rule for the end and by the old one",
        arguments: ["text", "text-old"])
    func textEncoder(folder: String) throws {
        let fixture = try Fixture(folder)
        let model = try DiffusionPipeline.loadTextEncoder(fixture.folder)
        let ids = try fixture.ids("input_ids")
        let states = model(ids: ids)
        #expect(distance(states.hidden, try fixture.tensor("last_hidden_state")) < parity)
        #expect(distance(states.pooled, try fixture.tensor("pooled")) < parity)
        let skipped = model(ids: ids, clipSkip: 2)
        #expect(distance(skipped.hidden, try fixture.tensor("skipped")) < parity)
        #expect(distance(skipped.pooled, try fixture.tensor("pooled")) < parity)
    }

    @Test("SDXL's second encoder, in shards, gives transformers' penultimate states and projected vector")
    func secondEncoder() throws {
        let fixture = try Fixture("text-2")
        let model = try DiffusionPipeline.loadTextEncoder(fixture.folder)
        #expect(model.hasProjection && model.className == "CLIPTextModelWithProjection")
        let ids = try fixture.ids("input_ids")
        let states = model.penultimate(ids: ids)
        #expect(distance(states.hidden, try fixture.tensor("hidden")) < parity)
        #expect(distance(states.embedding, try fixture.tensor("text_embeds")) < parity)
        #expect(distance(model.penultimate(ids: ids, clipSkip: 2).hidden, try fixture.tensor("deeper")) < parity)
    }

    @Test(
        "keys that mean another network are refused by name, also inside a pair's configuration",
        arguments: [
            ("hidden_act", JSONValue.text("relu")), ("attention_dropout", .number(0.1)), ("rope_theta", .number(1)),
            ("vocab_size", .number(0)), ("num_attention_heads", .number(3)), ("hidden_size", .number(1e8)),
        ])
    func refusals(key: String, value: JSONValue) throws {
        var values = try JSONValue.object(path: Fixture.path("text") + "/config.json")
        values[key] = value
        #expect {
            try CLIPTextConfiguration(ConfigurationReader(values, label: "config.json"))
        } throws: { error in
            (error as? DiffusionError)?.message.contains(key) == true
        }
        var pair = try JSONValue.object(path: Fixture.path("clip") + "/config.json")
        guard case .object(var text) = pair["text_config"] else { return }
        text[key] = value
        pair["text_config"] = .object(text)
        let path = NSTemporaryDirectory() + "radiata-clip-\(UUID().uuidString).json"
        try JSONValue.write(pair, path: path)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        #expect {
            try CLIPConfiguration(path: path)
        } throws: { error in
            (error as? DiffusionError)?.message.contains(key) == true
        }
    }

    @Test("image and text embeddings are transformers'")
    func embeddings() throws {
        let fixture = try Fixture("clip")
        let model = try DiffusionPipeline.loadCLIP(fixture.folder)
        let image = model.imageEmbeddings(try fixture.image("pixel_values"))
        #expect(distance(image, try fixture.tensor("image_embeds")) < parity)
        let text = model.textEmbeddings(ids: try fixture.ids("input_ids"))
        #expect(distance(text, try fixture.tensor("text_embeds")) < parity)
    }

    @Test("gradients of a contrastive loss are torch's")
    func gradients() throws {
        let fixture = try Fixture("clip")
        let model = try DiffusionPipeline.loadCLIP(fixture.folder)
        model.setTrainable(true)
        let image = normalizeRows(model.imageEmbeddings(slice(try fixture.image("pixel_values"), batch: 0..<2)))
        let text = normalizeRows(model.textEmbeddings(ids: try fixture.ids("input_ids")))
        let factor = rows(exponential(model.logitScale.tensor).reshaped([1, 1]), [0, 0, 0, 0]).reshaped([2, 2])
        let logits = multiply(matmul(image, text, transposeB: true), factor)
        let loss = softmaxCrossEntropy(logits, labels: [0, 1])
        #expect(distance(loss.reshaped([1]), try fixture.tensor("loss")) < parity)
        loss.backward()
        for (path, parameter) in model.allParameters() {
            let gradient = try #require(parameter.tensor.gradient, "\(path)")
            let found = parameter.layout == .plain ? gradient : permuted(gradient, [0, 3, 1, 2])
            let wanted = try fixture.tensor("gradient." + path)
            // A key's bias does not change attention: its gradient is noise around zero in both.
            if path.hasSuffix("k_proj.bias") {
                #expect(found.values.allSatisfy { abs($0) < 1e-6 }, "\(path)")
            } else {
                #expect(distance(found, wanted) < 2e-5, "\(path)")
            }
        }
    }

    @Test("modules stand in transformers' order")
    func moduleTree() throws {
        let text = try DiffusionPipeline.loadTextEncoder(Fixture.path("text"))
        // transformers 5 has the text tower as the model itself; older versions and published files do not.
        let own = modules(of: text.transformer) { $0 == "CLIPTextTransformer" ? "CLIPTextModel" : $0 }
        #expect(own == (try referenceModules("text")))
        let clip = try DiffusionPipeline.loadCLIP(Fixture.path("clip"))
        let tree = modules(of: clip) {
            ["CLIPTextTransformer": "CLIPTextModel", "CLIPVisionTransformer": "CLIPVisionModel"][$0] ?? $0
        }
        #expect(tree == (try referenceModules("clip")))
    }

    @Test("Stable Diffusion's text encoder has 196 tensors of 123,060,480 weights")
    func sizeOfStableDiffusion() {
        let sizes = CLIPLayerSizes(width: 768, intermediateWidth: 3072, layers: 12, heads: 12)
        let model = CLIPTextModel(
            configuration: CLIPTextConfiguration(
                vocabularySize: 49408, sizes: sizes, startID: 49406, endID: 49407, padID: 49407))
        #expect(model.allParameters().count == 196)
        #expect(model.parameterCount == 123_060_480)
    }
}
