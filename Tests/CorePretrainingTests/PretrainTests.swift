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
        #expect(new.notes.count == old.notes.count + 1)
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

    @Test("a base is not trained further in its own folder")
    func ownFolder() throws {
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        #expect(throws: PretrainError.self) { try train("a", steps: 1, out: Self.base + "/../emoji-64") }
    }
}
