import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import Testing

@Suite("Blocks in which an adapter acts")
struct AdapterBlocksTests {
    private static func model() -> UNet2DConditionModel {
        UNet2DConditionModel(
            configuration: UNetConfiguration(
                blockOutChannels: [32, 32, 32, 32], heads: 4, crossAttentionWidth: 8, normGroups: 8))
    }

    /// Paths of the layers that act, of an adapter of every layer.
    private func acting(_ text: String) throws -> (paths: Set<String>, all: Set<String>) {
        let unet = Self.model()
        let adapters = try AdapterSet.create(
            unet: unet, textEncoder: nil,
            adapter: AdapterSpec(
                algorithm: .lora, layers: LayerSelection(.full), size: AdapterSize(dim: 2, alpha: 2)), seed: 1)
        let acts = try AdapterBlocks(text).filter(for: unet)
        return (Set(adapters.layers.filter(acts).map(\.target.path)), Set(adapters.layers.map(\.target.path)))
    }

    @Test(
        "are the layers below the module of that name",
        arguments: [
            ("down1", "down_blocks.1."), ("up3", "up_blocks.3."), ("mid", "mid_block."), ("down0", "down_blocks.0."),
        ])
    func levels(text: String, prefix: String) throws {
        let (paths, all) = try acting(text)
        #expect(!paths.isEmpty && paths == all.filter { $0.hasPrefix(prefix) })
    }

    @Test("in, mid and out part the U-Net; its positions part each of them")
    func parts() throws {
        let all = try acting("all").all
        let (down, middle, up) = (try acting("in").paths, try acting("mid").paths, try acting("out").paths)
        #expect(down.union(middle).union(up) == all && down.count + middle.count + up.count == all.count)
        #expect(try acting("in+mid+out").paths == all)
        #expect(try acting("unet").paths == all)
        #expect(try acting("te").paths.isEmpty)
        // As Stable Diffusion's 12 positions on each way are counted.
        func names(_ word: String) -> [String] { (0..<12).map { $0 < 10 ? "\(word)0\($0)" : "\(word)\($0)" } }
        #expect(try acting(names("in").joined(separator: "+")).paths == down)
        #expect(try acting(names("out").joined(separator: "+")).paths == up)
        #expect(
            try acting("in02").paths.isSubset(of: all.filter { $0.hasPrefix("down_blocks.0.") && $0.contains(".1.") }))
    }

    @Test(
        "that are not there are refused",
        arguments: [
            ("dwon0", "names none"), ("down4", "down0 to down3"), ("in12", "IN00-IN11"), ("", "names none"),
            ("mid+", "names none"), ("down", "names none"), ("alll", "did you mean all"),
        ])
    func refused(text: String, says: String) {
        #expect {
            _ = try AdapterBlocks(text).filter(for: Self.model())
        } throws: { error in
            "\(error)".contains(says)
        }
    }

    @Test("compute as the base outside, and as the whole adapter with all of them")
    func forward() throws {
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        func output() throws -> [Float] { try ReferenceForwardTests.outputs(unet, text).sample }
        let base = try output()
        let adapters = try AdapterSet.load(Fixtures.path("adapter-lora.safetensors"), unet: unet, textEncoder: text)
        adapters.isTraining = false
        func attached(_ blocks: String) throws -> [Float] {
            AdapterSet.attach([(adapters, 1)], where: try AdapterBlocks(blocks).filter(for: unet))
            defer { adapters.detach() }
            return try output()
        }
        AdapterSet.attach([(adapters, 1)])
        let whole = try output()
        adapters.detach()
        let after = try output()
        #expect(after == base && whole != base)
        #expect(try attached("all") == whole)
        #expect(try attached("unet+te") == whole)
        let down = try attached("in")
        #expect(down != base && down != whole)
    }
}
