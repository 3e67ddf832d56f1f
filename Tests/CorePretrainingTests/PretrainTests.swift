import CoreDiffusion
import CorePretraining
import CoreTensor
import Foundation
import Testing

/// Two real steps of the real base, from the installed font.
@Suite("pretrain --from")
struct PretrainTests {
    private static let repository =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let base = repository + "/sweeps/base/emoji-64"

    private let folder = NSTemporaryDirectory() + "radiata-pretrain-\(UUID().uuidString)"

    /// - Returns: the folder of the base that was made.
    private func train(_ name: String, steps: Int, out: String? = nil) throws -> String {
        var pretrain = Pretrain(out: out ?? "\(folder)/\(name)/base", work: "\(folder)/\(name)/work")
        pretrain.start = Self.base
        pretrain.conceptData = Self.repository + "/data/concepts"
        pretrain.stages = [.unet]
        pretrain.settings.denoiser.batch = 2
        pretrain.settings.denoiser.steps = steps
        pretrain.saveEvery = steps
        try pretrain.run(seconds: { 0 }, progress: { _ in })
        return pretrain.out
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test("a base is trained further: its other parts stay, its exclusions hold, and its recipe is told")
    func further() throws {
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let out = try train("a", steps: 2)
        for part in ["vae/diffusion_pytorch_model.safetensors", "clip/model.safetensors"] {
            #expect(try bytes("\(out)/\(part)") == bytes("\(Self.base)/\(part)"), "\(part)")
        }
        let words = { (folder: String) in
            try JSONDecoder().decode([String: Int].self, from: self.bytes(folder + "/tokenizer/vocab.json"))
        }
        #expect(try words(out) == words(Self.base))
        let (old, new) = (
            try PretrainRecipe(path: Self.base + "/recipe.json"), try PretrainRecipe(path: out + "/recipe.json")
        )
        #expect(new.heldOutBySimilarity == old.heldOutBySimilarity)
        #expect(new.stages["clip"] == old.stages["clip"])
        #expect(new.stages["unet"]?.steps == 2)
        let steps = try #require(old.stages["unet"]).steps
        #expect(
            new.notes == old.notes + [
                "Begun with emoji-64; stages run since: unet (after \(steps) steps there, not counted above); "
                    + "kept: clip, vae."
            ])
        // Near what it came from, and not the same: it did not begin anew.
        let weights = "unet/diffusion_pytorch_model.safetensors"
        let (before, after) = (
            try SafetensorsFile(path: "\(Self.base)/\(weights)"), try SafetensorsFile(path: "\(out)/\(weights)")
        )
        let name = "conv_in.weight"
        let distance = zip(try before.floats(name), try after.floats(name)).map { abs($0 - $1) }.max() ?? 0
        #expect(distance > 0)
        #expect(distance < 0.01)
    }

    @Test("a flow is made beside the parts of a base: it is read again, draws, and goes on from its state")
    func flow() throws {
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        func train(steps: Int) throws -> (out: String, lines: [String]) {
            var pretrain = Pretrain(out: "\(folder)/base", work: "\(folder)/work")
            pretrain.start = Self.base
            pretrain.conceptData = Self.repository + "/data/concepts"
            pretrain.stages = [.flow]
            var flow = PretrainSettings.Flow()
            (flow.layers, flow.singleLayers, flow.training.batch, flow.training.steps) = (1, 1, 2, steps)
            pretrain.settings.flow = flow
            pretrain.saveEvery = steps
            var lines: [String] = []
            try pretrain.run(seconds: { 0 }, progress: { lines.append($0) })
            return (pretrain.out, lines)
        }
        let (out, _) = try train(steps: 2)
        let pipeline = try DiffusionPipeline(directory: out)
        let (flow, t5) = (try #require(pipeline.flow), try #require(pipeline.t5))
        #expect(flow.family == .flux && t5.length == 24)
        // Words are whole, others are spelt; a prompt is as long as the settings say.
        let ids = t5.tokenizer.encode("red heart", length: 24)
        #expect(ids.count == 24 && ids.prefix(4).filter { $0 > 1 }.count == 2 && ids[2] == 1 && ids[3] == 0)
        #expect(t5.tokenizer.encode("redheart").count > 4)
        #expect(t5.tokenizer.encode("veko cat").count == 3)
        let recipe = try PretrainRecipe(path: out + "/recipe.json")
        #expect(recipe.stages["flow"]?.steps == 2 && recipe.stages["unet"] == nil && recipe.sampling.sampler == "euler")
        #expect(recipe.notes.last == "Begun with emoji-64; stages run since: flow; kept: clip, vae.")
        #expect(try train(steps: 3).lines.contains { $0.hasPrefix("flow: step 3/3") })
        #expect(try PretrainRecipe(path: out + "/recipe.json").stages["flow"]?.steps == 3)
    }

    @Test("a flow without a base to take parts from is refused")
    func flowAlone() throws {
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        var pretrain = Pretrain(out: "\(folder)/base", work: "\(folder)/work")
        pretrain.conceptData = Self.repository + "/data/concepts"
        pretrain.stages = [.flow]
        pretrain.settings.flow = PretrainSettings.Flow()
        #expect { try pretrain.run(seconds: { 0 }, progress: { _ in }) } throws: { "\($0)".contains("--from") }
    }

    @Test("a base is not trained further in its own folder")
    func ownFolder() throws {
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        #expect(throws: PretrainError.self) { try train("a", steps: 1, out: Self.base + "/../emoji-64") }
    }
}
