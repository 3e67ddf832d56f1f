import CoreAdapters
import CoreDiffusion
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// Truth: PyTorch with the paper's formula (`Fixtures/generate_tlora.py`).
@Suite("Ranks that go with the timestep")
struct TimestepRankTests {
    private static func unet() throws -> UNet2DConditionModel {
        try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
    }

    private static func image(_ file: SafetensorsFile, _ name: String) throws -> Tensor {
        permuted(try file.tensor(name), [0, 2, 3, 1])
    }

    /// Each sample at a time of its own.
    private static func answer(_ unet: UNet2DConditionModel, _ file: SafetensorsFile) throws -> Tensor {
        unet(
            sample: try image(file, "sample"), timesteps: [999, 500, 20], context: try file.tensor("context"))
    }

    @Test("so many ranks act as the formula says")
    func table() throws {
        let rows = try SafetensorsFile(path: Fixtures.path("tlora.safetensors")).tensor("table")
        let values = rows.values
        #expect(rows.shape[0] > 100)
        for row in 0..<rows.shape[0] {
            let (rank, least, power) = (Int(values[5 * row]), Int(values[5 * row + 1]), values[5 * row + 2])
            let rule = try TimestepRank(text: "\(least) \(power) 1")
            let found = rule.active(of: rank, time: values[5 * row + 3])
            #expect(found == Int(values[5 * row + 4]), "\(rank) \(least) \(power) at \(values[5 * row + 3])")
        }
    }

    @Test("answers and gradients are the reference's", arguments: ["plain", "double"])
    func reference(name: String) throws {
        let file = try SafetensorsFile(path: Fixtures.path("tlora.safetensors"))
        let unet = try Self.unet()
        let adapters = try AdapterSet.load(
            Fixtures.path("adapter-tlora_\(name).safetensors"), unet: unet, textEncoder: nil)
        adapters.attach()
        let wanted = try file.floats("\(name).sample")
        adapters.isTraining = false
        let still = try withoutGradients { try Self.answer(unet, file) }
        #expect(relativeError(permuted(still, [0, 3, 1, 2]).values, wanted) < 5e-6)
        adapters.isTraining = true
        let answer = try Self.answer(unet, file)
        #expect(relativeError(permuted(answer, [0, 3, 1, 2]).values, wanted) < 5e-6)
        let difference = subtract(answer, try Self.image(file, "target"))
        let loss = mean(multiply(difference, difference))
        #expect(relativeError([loss.item()], try file.floats("\(name).loss")) < 5e-6)
        loss.backward()
        for layer in adapters.layers {
            for tensor in layer.tensors {
                let gradient = try #require(tensor.tensor.gradient, "\(layer.name) \(tensor.suffix)")
                let wanted = try file.floats("\(name).gradient.\(layer.name).\(tensor.suffix)")
                #expect(
                    relativeError(tensor.fileOrder(of: gradient.values), wanted) < 2e-5,
                    "\(layer.name) \(tensor.suffix)")
            }
        }
    }

    @Test("with other adapters, and at a strength, it adds what it adds alone")
    func beside() throws {
        let file = try SafetensorsFile(path: Fixtures.path("tlora.safetensors"))
        let unet = try Self.unet()
        func set(_ name: String) throws -> AdapterSet {
            try AdapterSet.load(Fixtures.path("adapter-\(name).safetensors"), unet: unet, textEncoder: nil)
        }
        let base = try withoutGradients { try Self.answer(unet, file) }
        let (timed, other) = (try set("tlora_plain"), try set("lora"))
        // Two halves are the whole, whichever of them follows the time.
        AdapterSet.attach([(timed, 0.5), (try set("tlora_plain"), 0.5)])
        let halves = try withoutGradients { try Self.answer(unet, file) }
        #expect(
            relativeError(
                permuted(halves, [0, 3, 1, 2]).values, try file.floats("plain.sample")) < 5e-6)
        AdapterSet.attach([(other, 1), (timed, 0)])
        let silent = try withoutGradients { try Self.answer(unet, file) }
        AdapterSet.attach([(other, 1)])
        let alone = try withoutGradients { try Self.answer(unet, file) }
        #expect(relativeError(silent.values, alone.values) < 5e-6)
        other.detach()
        timed.detach()
        #expect(!unet.denoisingTimes.isFollowed)
        let after = try withoutGradients { try Self.answer(unet, file) }
        #expect(after.values == base.values)
    }

    private static func adapter(_ change: (inout AdapterSpec) -> Void) -> AdapterSpec {
        var adapter = AdapterSpec(
            algorithm: .lora, layers: LayerSelection(.attnMLP), size: AdapterSize(dim: 3, alpha: 6))
        change(&adapter)
        return adapter
    }

    @Test("an orthogonal start changes nothing, and its file answers as what was trained")
    func orthogonalStart() throws {
        let file = try SafetensorsFile(path: Fixtures.path("tlora.safetensors"))
        let unet = try Self.unet()
        let base = try withoutGradients { try Self.answer(unet, file) }
        let adapters = try AdapterSet.create(
            unet: unet, textEncoder: nil,
            adapter: Self.adapter {
                $0.options.loraStart = .orthogonal
                $0.options.minRank = 1
            }, seed: 3)
        for layer in adapters.layers {
            let (q, p, lambda) = (layer.tensors[0].tensor, layer.tensors[1].tensor, layer.tensors[2].tensor)
            let products = [matmul(q, permuted(q, [1, 0])).values, matmul(permuted(p, [1, 0]), p).values]
            let identity: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
            for found in products { #expect(relativeError(found, identity) < 1e-5, "\(layer.name)") }
            #expect(lambda.values.allSatisfy { $0 > 0 } && lambda.values == lambda.values.sorted(by: >))
        }
        adapters.attach()
        let start = try Self.answer(unet, file)
        #expect(relativeError(start.values, base.values) < 5e-6)
        // Trained a little, by chance.
        var random = RandomStream(seed: 5, purpose: "test")
        for trainable in adapters.trainables {
            trainable.tensor.withMutableBuffer { values in
                for i in values.indices { values[i] += 0.2 * random.normal() }
            }
        }
        let trained = try Self.answer(unet, file).values
        #expect(relativeError(trained, start.values) > 1e-3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.safetensors"
        try adapters.save(to: path, type: .f32)
        adapters.detach()
        let read = try AdapterSet.load(path, unet: unet, textEncoder: nil)
        read.attach()
        #expect(relativeError(try Self.answer(unet, file).values, trained) < 5e-6)
        // Other tools have no times, and say so.
        let stored = try StoredAdapter(path: path)
        #expect(stored.warnings.contains { $0.contains("T-LoRA") } && stored.metadata[TimestepRank.key] == nil)
        #expect(stored.layers.allSatisfy { $0.rank == 6 && abs($0.scale - 2) < 1e-6 })
    }

    @Test("options that do not go together are refused by name")
    func refusals() throws {
        let unet = try Self.unet()
        let cases: [(String, (inout AdapterSpec) -> Void)] = [
            ("min_rank", { ($0.options.minRank, $0.options.dora) = (1, true) }),
            ("min_rank", { ($0.options.minRank, $0.algorithm) = (1, .loha) }),
            ("rank_power", { $0.options.rankPower = 2 }),
            ("use_scalar", { ($0.options.loraStart, $0.options.useScalar) = (.orthogonal, true) }),
            ("dropout", { ($0.options.loraStart, $0.dropout.activations) = (.orthogonal, 0.5) }),
            ("orthogonal directions", { ($0.options.loraStart, $0.size.dim) = (.orthogonal, 100) }),
        ]
        for (words, change) in cases {
            #expect {
                _ = try AdapterSet.create(unet: unet, textEncoder: nil, adapter: Self.adapter(change))
            } throws: { "\($0)".contains(words) }
        }
    }
}
