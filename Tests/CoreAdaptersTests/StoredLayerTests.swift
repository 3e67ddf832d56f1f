import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import TestSupport
import Testing

/// Two ways to the same weight: the tools' plain formulas in f64 on the file's layout, and training's kernels
/// in f32.
@Suite("A layer of an adapter file, in double precision")
struct StoredLayerTests {
    @Test(
        "changes its weight as the attached adapter does",
        arguments: ReferenceForwardTests.cases + ReferenceForwardTests.variants, [Float(1), 0.6, -0.5])
    func matchesKernels(name: String, strength: Float) throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let path = Fixtures.path("adapter-\(name).safetensors")
        let attached = try AdapterSet.load(path, unet: unet, textEncoder: text)
        let stored = Dictionary(
            uniqueKeysWithValues: try StoredAdapter(path: path).layers.map { ($0.name, $0) })
        #expect(stored.count == attached.layers.count)
        for layer in attached.layers {
            let found = try #require(stored[layer.name])
            guard case .weight(let algorithm, let update) = layer.content else {
                #expect(found.isNorm)
                continue
            }
            #expect(found.algorithm == algorithm || found.algorithm == .boft)
            let geometry = layer.target.geometry
            let weight = try #require(Self.weight(layer.target.module))
            let (shape, floats) = weight.fileValues()
            let base = StoredTensor(floats.map(Double.init), shape: shape)
            let inMemory = weight.tensor.detached().reshaped([geometry.outputs, geometry.columns])
            update.begin(step: nil)
            let changed = withoutGradients { update.weight(base: inMemory, strength: strength) }
            let wanted = TapOrder.file(fromMemory: changed.values, taps: geometry.taps, inputs: geometry.inputs)
            let delta = try found.delta(base: base, strength: Double(strength))
            let result = zip(delta.values, base.values).map { Float($0 + $1) }
            #expect(relativeError(wanted, result) < 3e-6, "\(layer.name)")
        }
    }

    static func weight(_ module: any Module) -> Parameter? {
        (module as? Linear)?.weight ?? (module as? Conv2d)?.weight
    }

    @Test("of GLoKr is the base mixed by one Kronecker product plus another")
    func glokr() throws {
        // No package has GLoKr: the sums are written out here.
        let (outputs, inputs, taps) = (6, 4, 9)
        let shapes: [(String, [Int], Int)] = [
            ("a.lokr_w1", [2, 2], 2), ("a.lokr_w2", [2, 2], 3), ("b.lokr_w1", [2, 2], 4),
            ("b.lokr_w2", [3, 2, 3, 3], 6),
        ]
        var tensors: [String: StoredTensor] = [:]
        for (suffix, shape, q) in shapes {
            tensors[suffix] = StoredTensor(filled(shape, q: q).map(Double.init), shape: shape)
        }
        let base = StoredTensor(
            filled([outputs, inputs, 3, 3], q: 5).map(Double.init), shape: [outputs, inputs, 3, 3])
        let layer = StoredLayer(name: "lora_unet_conv", algorithm: .glokr, tensors: tensors, alpha: 1)
        let delta = try layer.delta(base: base)
        func value(_ suffix: String, _ index: Int...) -> Double {
            let tensor = tensors[suffix]!
            return tensor.values[zip(index, tensor.shape).reduce(0) { $0 * $1.1 + $1.0 }]
        }
        for o in 0..<outputs {
            for i in 0..<inputs {
                for t in 0..<taps {
                    var sum = value("b.lokr_w1", o / 3, i / 2) * value("b.lokr_w2", o % 3, i % 2, t / 3, t % 3)
                    for j in 0..<inputs {
                        let mixing = value("a.lokr_w1", j / 2, i / 2) * value("a.lokr_w2", j % 2, i % 2)
                        sum += base.values[(o * inputs + j) * taps + t] * mixing
                    }
                    #expect(abs(delta[o, i * taps + t] - sum) < 1e-12)
                }
            }
        }
        let network = TwoLayers(outputs: outputs, inputs: inputs)
        try network.convolution.weight.load(fileShape: base.shape, floats: base.floats)
        let folder = try TemporaryFolder()
        try StoredAdapter(layers: [layer]).save(to: folder.path + "/glokr.safetensors", type: .f32)
        let adapters = try AdapterSet.load(folder.path + "/glokr.safetensors", unet: network, textEncoder: nil)
        #expect(adapters.algorithms == [.glokr])
        guard case .weight(_, let update) = adapters.layers[0].content else { return }
        let inMemory = network.convolution.weight.tensor.detached().reshaped([outputs, inputs * taps])
        let found = withoutGradients { update.delta(base: inMemory).values }
        #expect(
            relativeError(TapOrder.file(fromMemory: found, taps: taps, inputs: inputs), delta.values.map { Float($0) })
                < 1e-6)
    }

    @Test("has the rank its algorithm can reach", arguments: [("lora", 4), ("loha", 4)])
    func ranks(name: String, rank: Int) throws {
        let layer = try #require(
            try StoredAdapter(path: Fixtures.path("adapter-\(name).safetensors")).layers.first {
                $0.name == "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
            })
        let values = try #require(try layer.delta(base: nil).singularValues()).values
        #expect(values.count { $0 > 1e-6 * values[0] } == rank)
    }

    @Test("of LoKr with a full matrix has full rank")
    func fullRank() throws {
        let layer = try #require(
            try StoredAdapter(path: Fixtures.path("adapter-lokr_full.safetensors")).layers.first {
                $0.name == "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
            })
        let values = try #require(try layer.delta(base: nil).singularValues()).values
        #expect(values.count { $0 > 1e-6 * values[0] } == 8)
    }
}
