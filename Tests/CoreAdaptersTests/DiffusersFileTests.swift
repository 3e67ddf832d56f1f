import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import TestSupport
import Testing

@Suite("diffusers' LoRA files")
struct DiffusersFileTests {
    @Test("take their alphas from the configuration in the header")
    func scales() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/lora.safetensors"
        let header = """
            {"unet.r": 4, "unet.lora_alpha": 2, "unet.alpha_pattern": {"attn1.to_k": 8}, "unet.use_rslora": false,
             "text_encoder.r": 4, "text_encoder.lora_alpha": 6, "text_encoder.use_rslora": true}
            """
        var writer = SafetensorsWriter(metadata: ["format": "pt", "lora_adapter_metadata": header])
        let block = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1"
        let words = "text_encoder.text_model.encoder.layers.0.mlp.fc1"
        for (layer, outputs, inputs) in [("\(block).to_q", 8, 8), ("\(block).to_k", 8, 8), (words, 24, 12)] {
            writer.add("\(layer).lora_A.weight", shape: [4, inputs], floats: filled([4, inputs], q: 2))
            writer.add("\(layer).lora_B.weight", shape: [outputs, 4], floats: filled([outputs, 4], q: 3))
        }
        try writer.write(to: path)
        let unet = try DiffusionPipeline.loadUNet(Fixtures.path("pipeline/unet"))
        let text = try DiffusionPipeline.loadTextEncoder(Fixtures.path("pipeline/text_encoder"))
        let alphas = Dictionary(
            uniqueKeysWithValues: try AdapterSet.load(path, unet: unet, textEncoder: text).layers.map {
                ($0.target.path, $0.alpha)
            })
        #expect(alphas["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"] == 2)
        #expect(alphas["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k"] == 8)
        // rs-LoRA divides by the root of 4.
        #expect(alphas["text_model.encoder.layers.0.mlp.fc1"] == 12)
        #expect(try StoredAdapter(path: path).layers.map(\.scale).sorted() == [0.5, 2, 3])
    }

    @Test("are refused if the configuration in the header cannot be read")
    func brokenScales() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/lora.safetensors"
        var writer = SafetensorsWriter(metadata: ["lora_adapter_metadata": "{\"unet.r\": 4,"])
        let layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
        writer.add("\(layer).lora_A.weight", shape: [4, 8], floats: filled([4, 8], q: 2))
        writer.add("\(layer).lora_B.weight", shape: [8, 4], floats: filled([8, 4], q: 3))
        try writer.write(to: path)
        let error = #expect(throws: AdapterError.self) { try StoredAdapter(path: path) }
        #expect(error?.message.contains("lora_adapter_metadata") == true)
    }

    @Test(
        "are read under every name they have had",
        arguments: [
            (
                "unet.mid_block.attentions.0.proj_in.lora_A.weight", "lora_unet_mid_block_attentions_0_proj_in",
                "lora_down.weight"
            ),
            (
                "base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_B.weight",
                "lora_te_text_model_encoder_layers_0_mlp_fc1", "lora_up.weight"
            ),
            ("unet.a.attn1.processor.to_q_lora.down.weight", "lora_unet_a_attn1_to_q", "lora_down.weight"),
            ("unet.a.attn1.processor.to_out_lora.up.weight", "lora_unet_a_attn1_to_out_0", "lora_up.weight"),
            (
                "text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
                "lora_te2_text_model_encoder_layers_0_mlp_fc1", "lora_down.weight"
            ),
            ("lora_unet_conv_in.hada_w1_a", "lora_unet_conv_in", "hada_w1_a"),
        ])
    func keys(key: String, name: String, suffix: String) throws {
        let found = try StoredKey.split(key)
        #expect(found.name == name && found.suffix == suffix)
    }
}
