import CoreTensor
import CoreTools
import Foundation
import TestSupport
import Testing

/// Truth: ten torch.optim.AdamW steps of lycoris-lora in f64 (`Fixtures/generate.py`).
@Suite("A replay of given batches")
struct ReplayTests {
    struct Expected: Decodable {
        let adapter: String
        let lr: Double
        let betas: [Double]
        let weightDecay: Double
        let text: Bool
        let losses: [Double]
        /// Elements, by tensor, whose first gradient is nearly 0: AdamW moves them by its sign, which
        /// rounding decides. At most a hundredth of a tensor, or one element.
        let undecided: [String: [Int]]

        enum CodingKeys: String, CodingKey {
            case adapter, lr, betas, text, losses, undecided
            case weightDecay = "weight_decay"
        }
    }

    static let names = ["lora", "lora_decay", "loha", "lokr_full", "lokr_low", "full"]

    @Test("follows the reference's losses, and every tensor where it went", arguments: names)
    func follows(name: String) throws {
        let folder = try TemporaryFolder()
        let all = try JSONDecoder().decode(
            [String: Expected].self, from: Data(contentsOf: URL(filePath: Fixtures.path("replays.json"))))
        let expected = try #require(all[name])
        var replay = Replay(
            model: Fixtures.path("pipeline"), adapter: Fixtures.path(expected.adapter),
            batches: Fixtures.path(expected.text ? "batches-text.safetensors" : "batches.safetensors"),
            learningRate: expected.lr, weightDecay: expected.weightDecay)
        replay.betas = (expected.betas[0], expected.betas[1])
        replay.out = folder.path + "/out.safetensors"
        try expectMatch(try replay.run(), expected, out: folder.path + "/out.safetensors", name)
    }

    private func expectMatch(_ report: Replay.Report, _ expected: Expected, out: String, _ name: String) throws {
        #expect(report.losses.count == expected.losses.count)
        for (found, wanted) in zip(report.losses, expected.losses) { #expect(abs(found - wanted) < 5e-6 * wanted) }

        let start = try SafetensorsFile(path: Fixtures.path(expected.adapter))
        let out = try SafetensorsFile(path: out)
        let truth = try SafetensorsFile(path: Fixtures.path("replay-\(name).safetensors"))
        #expect(out.names == start.names)
        // The softmax cancels a constant added to all keys: the true gradient of that bias is 0, and Adam's
        // division makes rounding errors of it into steps.
        for key in truth.names where !key.hasSuffix("k_proj.diff_b") {
            #expect(out.info(key)?.shape == start.info(key)?.shape)
            let moved = try distance(start.floats(key), truth.floats(key))
            let apart = try distance(out.floats(key), truth.floats(key))
            // SDXL's U-Net does not read the first text encoder's last layer: those tensors stay.
            if moved == 0 {
                #expect(apart == 0, "\(key) moved")
                continue
            }
            var share = apart / moved
            if share >= 0.002, let left = expected.undecided[key] {
                let (found, wanted) = try (out.floats(key), truth.floats(key))
                #expect(left.count <= max(1, found.count / 100))
                // The first step goes one way or the other, the later ones the same.
                for index in left {
                    #expect(Double(abs(found[index] - wanted[index])) <= 2 * expected.lr, "\(key) \(index)")
                }
                share = distance(found, wanted, without: left) / moved
            }
            #expect(share < 0.002, "\(key) is \(share) of the distance it moved away from the truth")
        }
    }

    @Test("of SDXL follows the reference through the U-Net and both text encoders", arguments: ["xl_lora", "xl_lokr"])
    func followsLarge(name: String) throws {
        let folder = try TemporaryFolder()
        let all = try JSONDecoder().decode(
            [String: Expected].self, from: Data(contentsOf: URL(filePath: Fixtures.path("replays-xl.json"))))
        let expected = try #require(all[name])
        var replay = Replay(
            model: LargeModelTests.pipeline, adapter: Fixtures.path(expected.adapter),
            batches: Fixtures.path("batches-xl.safetensors"), learningRate: expected.lr,
            weightDecay: expected.weightDecay)
        replay.betas = (expected.betas[0], expected.betas[1])
        replay.out = folder.path + "/out.safetensors"
        try expectMatch(try replay.run(), expected, out: folder.path + "/out.safetensors", name)
    }

    @Test("names what a batch file lacks")
    func refusals() throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        writer.add("latents.0", shape: [1, 4, 8, 8], floats: filled([256], q: 3))
        try writer.write(to: folder.path + "/batches.safetensors")
        let replay = Replay(
            model: Fixtures.path("pipeline"), adapter: Fixtures.path("adapter-lora.safetensors"),
            batches: folder.path + "/batches.safetensors", learningRate: 1e-3)
        #expect { try replay.run() } throws: { "\($0)".contains("noise.0: missing") }
    }

    private func distance(_ a: [Float], _ b: [Float], without left: [Int] = []) -> Double {
        var squares = zip(a, b).map { Double(($0 - $1) * ($0 - $1)) }
        for index in left { squares[index] = 0 }
        return squares.reduce(0, +).squareRoot()
    }
}
