import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

@Suite("SDXL's layer names")
struct OriginalNameTests {
    static let pairs: [(String, String)] = [
        ("input_blocks.0.0", "conv_in"),
        (
            "input_blocks.4.1.transformer_blocks.0.attn1.to_q",
            "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
        ),
        ("input_blocks.1.0.in_layers.2", "down_blocks.0.resnets.0.conv1"),
        ("input_blocks.3.0.op", "down_blocks.0.downsamplers.0.conv"),
        ("input_blocks.8.1.proj_in", "down_blocks.2.attentions.1.proj_in"),
        ("middle_block.0.emb_layers.1", "mid_block.resnets.0.time_emb_proj"),
        (
            "middle_block.1.transformer_blocks.3.ff.net.0.proj",
            "mid_block.attentions.0.transformer_blocks.3.ff.net.0.proj"
        ),
        ("middle_block.2.out_layers.3", "mid_block.resnets.1.conv2"),
        ("output_blocks.2.2.conv", "up_blocks.0.upsamplers.0.conv"),
        (
            "output_blocks.0.1.transformer_blocks.9.attn2.to_out.0",
            "up_blocks.0.attentions.0.transformer_blocks.9.attn2.to_out.0"
        ),
        ("output_blocks.8.0.skip_connection", "up_blocks.2.resnets.2.conv_shortcut"), ("out.2", "conv_out"),
        ("time_embed.2", "time_embedding.linear_2"), ("label_emb.0.0", "add_embedding.linear_1"),
    ]

    @Test("translate both ways", arguments: pairs)
    func both(original: String, path: String) {
        #expect(OriginalNames.original(path, layers: 2) == original)
        #expect(OriginalNames.diffusers(flat: LayerPath.flat(original)) == path)
    }

    @Test("are undone for every layer of Stable Diffusion")
    func dotted() {
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(blockOutChannels: [8, 8], heads: 2, crossAttentionWidth: 8, normGroups: 4))
        for target in LayerTarget.all(in: unet, side: .unet) {
            #expect(LayerPath.dotted(LayerPath.flat(target.path)) == target.path)
        }
    }

    @Test("are written for SDXL and read in either spelling")
    func files() throws {
        let config = URL(filePath: Fixtures.directory).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "CoreDiffusionTests/Fixtures/unet-xl/config.json").path
        let unet = UNet2DConditionModel(configuration: try UNetConfiguration(path: config))
        unet.initialize(seed: 2)
        let adapters = try AdapterSet.create(
            unet: unet, textEncoder: nil,
            adapter: AdapterSpec(
                algorithm: .lora, layers: LayerSelection(.full),
                size: AdapterSize(dim: 2, alpha: 1, convDim: 2, convAlpha: 1)), seed: 4)
        let folder = try TemporaryFolder()
        let path = folder.path + "/xl.safetensors"
        try adapters.save(to: path, type: .f32)
        let stored = try StoredAdapter(path: path)
        #expect(stored.isXL && stored.layers.contains { $0.name.hasPrefix("lora_unet_input_blocks_") })
        #expect(!stored.layers.contains { $0.name.contains("down_blocks") })
        let again = try AdapterSet.load(path, unet: unet, textEncoder: nil)
        #expect(
            again.layers.map(\.target.path)
                == adapters.layers.map(\.target.path).sorted { a, b in
                    let names = Dictionary(uniqueKeysWithValues: adapters.layers.map { ($0.target.path, $0.name) })
                    return (names[a] ?? "") < (names[b] ?? "")
                })
        // diffusers' block names in kohya's form, as some trainers write them.
        var renamed = stored
        let names = Dictionary(uniqueKeysWithValues: adapters.layers.map { ($0.name, $0.target.path) })
        renamed.layers = stored.layers.map { layer in
            var layer = layer
            layer.name = "lora_unet_" + LayerPath.flat(names[layer.name] ?? "")
            return layer
        }
        try renamed.save(to: folder.path + "/other.safetensors", type: .f32)
        let other = try AdapterSet.load(folder.path + "/other.safetensors", unet: unet, textEncoder: nil)
        #expect(other.layers.count == adapters.layers.count)
    }
}
