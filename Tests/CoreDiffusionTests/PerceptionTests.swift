import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import Testing

/// The networks that evaluations look with, against the packages they come from; see
/// Fixtures/generate_perception.py.
@Suite("Encoders of other libraries")
struct PerceptionTests {
    @Test(
        "OpenCLIP's pair gives OpenCLIP's vectors, whichever of its classes wrote the file",
        arguments: [("open-clip", CLIPLayerSizes.HiddenActivation.quickGelu), ("open-clip-custom", .gelu)])
    func openCLIP(folder: String, activation: CLIPLayerSizes.HiddenActivation) throws {
        let fixture = try Fixture(folder)
        let pair = try CLIPFolder(path: fixture.folder)
        #expect(pair.isOpenCLIP && pair.configuration.vision.sizes.activation == activation)
        #expect(pair.configuration.vision.sizes.intermediateWidth == 60 && pair.configuration.vision.sizes.heads == 2)
        #expect(pair.preprocessing?.mean == [0.5, 0.4, 0.3] && pair.preprocessing?.deviation == [0.2, 0.3, 0.25])
        let model = try pair.load()
        let images = model.imageEmbeddings(try fixture.image("pixel_values"))
        #expect(distance(images, try fixture.tensor("image_embeds")) < parity)
        let texts = model.textEmbeddings(ids: try fixture.ids("input_ids"))
        #expect(distance(texts, try fixture.tensor("text_embeds")) < parity)
        #expect(abs(model.logitScale.tensor.values[0] - (try fixture.tensor("logit_scale").values[0])) < 1e-2)
    }

    @Test(
        "an OpenCLIP network of another kind is refused by the key that says so",
        arguments: [
            ("vision_cfg", "timm_model_name", JSONValue.text("convnext_base")),
            ("text_cfg", "hf_model_name", .text("x")),
            ("vision_cfg", "pool_type", .text("avg")), ("text_cfg", "no_causal_mask", .flag(true)),
            ("vision_cfg", "head_width", .number(0)), ("vision_cfg", "patch_size", .number(0)),
        ])
    func refusals(part: String, key: String, value: JSONValue) throws {
        var file = try JSONValue.object(path: Fixture.path("open-clip") + "/open_clip_config.json")
        guard case .object(var model) = file["model_cfg"], case .object(var values) = model[part] else { return }
        values[key] = value
        model[part] = .object(values)
        file["model_cfg"] = .object(model)
        let path = NSTemporaryDirectory() + "radiata-open-clip-\(UUID().uuidString).json"
        try JSONValue.write(file, path: path)
        defer { try? FileManager.default.removeItem(atPath: path) }  // its removal is no part of the test
        #expect {
            try OpenCLIPConfiguration(path: path)
        } throws: { "\($0)".contains(part) && "\($0)".contains(key) }
    }

    @Test("VGG-19's five Gram matrices are those of torchvision's layers", arguments: ["oblong", "smallest"])
    func vgg(name: String) throws {
        let fixture = try Fixture("vgg19")
        let model = try VGG19Style(path: fixture.folder + "/model.safetensors")
        let pixels = try fixture.image(name + ".pixel_values")
        var layers: [Tensor] = []
        model(pixels) { layers.append($0) }
        #expect(layers.count == 5)
        for (index, layer) in layers.enumerated() {
            let (count, channels) = (layer.shape[0], layer.shape[3])
            let grams = (0..<count).map { sample in
                let flat = slice(layer, batch: sample..<sample + 1).reshaped([layer.count / count / channels, channels])
                return scaled(matmul(flat, flat, transposeA: true), by: Float(count) / Float(layer.count))
                    .reshaped([1, channels, channels])
            }
            let found = concatenateBatch(grams)
            #expect(distance(found, try fixture.tensor("\(name).gram.\(index)")) < 1e-5, "layer \(index)")
        }
    }

    @Test("LPIPS is the package's, for both of its networks", arguments: ["lpips-vgg", "lpips-alex"])
    func perceptualDistance(folder: String) throws {
        let fixture = try Fixture(folder)
        let model = try PerceptualDistance(path: fixture.folder + "/lpips.safetensors")
        #expect(model.architecture == (folder == "lpips-vgg" ? .vgg16 : .alexnet))
        for name in ["near", "far"] {
            let (a, b) = (try fixture.image(name + ".a"), try fixture.image(name + ".b"))
            let wanted = Double(try fixture.tensor(name + ".distance").values[0])
            #expect(abs(model(a, b) - wanted) < 1e-5 * max(1, wanted), "\(name)")
            #expect(model(a, a) == 0)
        }
    }

    @Test("the aesthetic head is a chain of linear layers on a vector")
    func aesthetic() throws {
        let fixture = try Fixture("aesthetic")
        let head = try AestheticHead(path: fixture.folder + "/aesthetic.safetensors")
        let vectors = try fixture.tensor("vectors").values
        let found = (0..<4).map { head(vectors[10 * $0..<10 * $0 + 10]) }
        for (value, wanted) in zip(found, try fixture.tensor("scores").values) {
            #expect(abs(value - Double(wanted)) < 1e-6)
        }
    }

    @Test("a file of another network is refused with what was wanted")
    func otherFiles() throws {
        let clip = Fixture.path("open-clip") + "/open_clip_model.safetensors"
        #expect { try VGG19Style(path: clip) } throws: { "\($0)".contains("vgg19") }
        #expect { try PerceptualDistance(path: clip) } throws: { "\($0)".contains("alexnet") }
        #expect { try AestheticHead(path: clip) } throws: { "\($0)".contains("layers.N.weight") }
        #expect { try VGG19Style(path: "/nowhere") } throws: { "\($0)".contains("/nowhere") }
    }
}
