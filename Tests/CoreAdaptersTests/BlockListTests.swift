import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import TestSupport
import Testing

@Suite("Lists by U-Net position")
struct BlockListTests {
    private static func stableDiffusion() -> UNet2DConditionModel {
        UNet2DConditionModel(
            configuration: UNetConfiguration(
                blockOutChannels: [32, 32, 32, 32], heads: 4, crossAttentionWidth: 8, normGroups: 8))
    }

    @Test("are counted as kohya counts them")
    func positions() {
        let positions = UNetPositions(Self.stableDiffusion())
        #expect(positions.count == 25)
        #expect(positions.summary == "IN00-IN11, MID, OUT00-OUT11")
        let places: [(String, Int)] = [
            ("conv_in", 0), ("time_embedding.linear_1", 0), ("down_blocks.0.resnets.0.conv1", 1),
            ("down_blocks.0.attentions.1.proj_in", 2), ("down_blocks.0.downsamplers.0.conv", 3),
            ("down_blocks.3.resnets.1.conv2", 11), ("mid_block.attentions.0.proj_in", 12),
            ("mid_block.resnets.1.conv1", 12),
            ("up_blocks.0.resnets.0.conv1", 13), ("up_blocks.0.upsamplers.0.conv", 15),
            ("up_blocks.3.attentions.2.proj_in", 24),
            ("conv_out", 24),
        ]
        for (path, position) in places { #expect(positions.position(of: path) == position, "\(path)") }
    }

    @Test(
        "give every algorithm its dims and rates, and leave blocks out",
        arguments: Algorithm.allCases.filter { $0 != .locon })
    func applied(algorithm: Algorithm) throws {
        let unet = Self.stableDiffusion()
        unet.initialize(seed: 1)
        var adapter = AdapterSpec(
            algorithm: algorithm, layers: LayerSelection(.full),
            size: AdapterSize(
                dim: algorithm.hasDim ? 4 : nil, alpha: algorithm.hasAlpha ? 2 : nil,
                convDim: algorithm.hasDim ? 4 : nil, convAlpha: algorithm.hasAlpha ? 2 : nil))
        adapter.trainNorm = true
        var dims = Array(repeating: 4, count: 25)
        dims[1] = 0
        dims[2] = 8
        var rates = Array(repeating: 1.0, count: 25)
        rates[4] = 0
        rates[5] = 0.25
        if algorithm.hasDim { adapter.size.blockDims = dims }
        adapter.blockLearningRates = rates
        let adapters = try AdapterSet.create(unet: unet, textEncoder: nil, adapter: adapter, seed: 1)
        let positions = UNetPositions(unet)
        var seen: Set<Int> = []
        for layer in adapters.layers {
            let position = positions.position(of: layer.target.path)
            seen.insert(position)
            #expect(layer.blockLearningRate == rates[position])
            if [.lora, .loha, .glora, .dylora].contains(algorithm), case .weight = layer.content {
                let suffix = ["lora_down.weight", "hada_w1_b", "b2.weight"]
                let tensor = try #require(layer.tensors.first { suffix.contains($0.suffix) })
                #expect(tensor.fileShape[0] == dims[position], "\(layer.name)")
                // The scale alpha / dim stays.
                #expect(layer.alpha == Float(dims[position]) / 2)
            }
        }
        #expect(seen.contains(4) == false && seen.contains(1) == !algorithm.hasDim && seen.contains(24))
        #expect(Set(adapters.trainables.map(\.blockLearningRate)) == [0.25, 1])
    }

    @Test("set alphas by themselves, k×k convolutions in proportion")
    func alphas() throws {
        let unet = Self.stableDiffusion()
        var adapter = AdapterSpec(
            algorithm: .lora, layers: LayerSelection(.full),
            size: AdapterSize(dim: 4, alpha: 2, convDim: 8, convAlpha: 1))
        adapter.size.blockAlphas = (0..<25).map { Double($0) }
        adapter.size.blockDims = Array(repeating: 2, count: 25)
        let adapters = try AdapterSet.create(unet: unet, textEncoder: nil, adapter: adapter, seed: 1)
        func layer(_ path: String) throws -> AdapterLayer {
            try #require(adapters.layers.first { $0.target.path == path })
        }
        let linear = try layer("down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q")
        #expect(linear.alpha == 2 && linear.tensors[0].fileShape[0] == 2)
        let wide = try layer("down_blocks.0.resnets.1.conv1")
        #expect(wide.alpha == 1 && wide.tensors[0].fileShape[0] == 4)
        // 0 means dim.
        #expect(try layer("conv_in").alpha == 4)
    }

    @Test("of another length are refused with the number wanted")
    func refused() {
        var adapter = AdapterSpec(
            algorithm: .lora, layers: LayerSelection(.attnMLP), size: AdapterSize(dim: 4))
        adapter.blockLearningRates = [1, 1, 1]
        #expect {
            try AdapterSet.create(unet: Self.stableDiffusion(), textEncoder: nil, adapter: adapter, seed: 1)
        } throws: { error in
            "\(error)".contains("block_lr: found 3 values, wanted 25")
        }
    }
}

@Suite("The largest norm of an update")
struct MaxNormTests {
    @Test(
        "bounds every algorithm that has factors, and leaves smaller updates alone",
        arguments: [
            ("lora", 1), ("lora_tucker", 1), ("loha", 1), ("lokr_low", 1), ("lokr_both", 1), ("glora", 1), ("dora", 1),
            ("lokr_full", 1), ("loha_tucker", 1), ("full", 0), ("ia3", 0), ("diag_oft", 0),
        ])
    func bounded(name: String, works: Int) throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let adapters = try AdapterSet.load(
            Fixtures.path("adapter-\(name).safetensors"), unet: unet, textEncoder: nil)
        let folder = try TemporaryFolder()
        func norms(_ path: String) throws -> [String: Double] {
            let weights = Dictionary(
                uniqueKeysWithValues: adapters.layers.map { ($0.target.fileName, $0.target.module) })
            var result: [String: Double] = [:]
            for layer in try StoredAdapter(path: path).layers where !layer.isNorm {
                guard let module = weights[layer.name], let weight = StoredLayerTests.weight(module) else { continue }
                let (shape, floats) = weight.fileValues()
                var bare = layer
                bare.tensors["dora_scale"] = nil
                result[layer.name] = try bare.delta(base: StoredTensor(floats.map(Double.init), shape: shape)).norm
            }
            return result
        }
        let before = try norms(Fixtures.path("adapter-\(name).safetensors"))
        let limit = before.values.sorted()[before.count / 2]
        let shrunk = adapters.limitNorms(to: limit)
        try adapters.save(to: folder.path + "/limited.safetensors", type: .f32)
        let after = try norms(folder.path + "/limited.safetensors")
        for (layer, norm) in before {
            let found = try #require(after[layer])
            let wanted = works == 1 ? min(norm, limit) : norm
            #expect(abs(found - wanted) < 1e-5 * wanted, "\(layer)")
        }
        #expect(works == 1 ? abs(shrunk - before.values.count { $0 > limit }) <= 1 : shrunk == 0)
        #expect(adapters.limitNorms(to: 0) == 0)
    }
}
