import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec
import TestSupport
import Testing

/// Counts and sizes of Stable Diffusion 1.5 as lycoris-lora gives them for the same class lists.
@Suite("Layer presets on Stable Diffusion 1.5")
struct LayerSelectionTests {
    struct Networks {
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(blockOutChannels: [320, 640, 1280, 1280], crossAttentionWidth: 768))
        let text = CLIPTextModel(
            configuration: CLIPTextConfiguration(
                vocabularySize: 49408,
                sizes: CLIPLayerSizes(width: 768, intermediateWidth: 3072, layers: 12, heads: 12),
                startID: 49406, endID: 49407, padID: 49407))
    }

    @Test(
        "select as many layers as the reference",
        arguments: [
            (LayerPreset.full, [184, 46, 52], 108, 72), (.unetOnly, [184, 46, 52], 108, 0),
            (.fullLinear, [184, 46, 0], 108, 72), (.attnMLP, [160, 32, 0], 64, 72), (.attnOnly, [128, 0, 0], 0, 48),
            (.unetTransformerOnly, [160, 32, 0], 64, 0), (.unetConvBlockOnly, [22, 14, 52], 44, 0),
        ] as [(LayerPreset, [Int], Int, Int)])
    func counts(preset: LayerPreset, layers: [Int], norms: Int, text: Int) throws {
        let networks = Networks()
        let selected = LayerTarget.selected(by: preset.unet, in: networks.unet, side: .unet)
        let weights = selected.filter {
            $0.geometry.kind != .norm && (preset.includesConvolutions || $0.geometry.taps == 1)
        }
        // Linear, 1×1, k×k: 282, 230, 192, 128, 88 layers in all.
        let kinds = [
            weights.count { $0.geometry.kind == .linear },
            weights.count { $0.geometry.kind == .convolution && $0.geometry.taps == 1 },
            weights.count { $0.geometry.taps > 1 },
        ]
        #expect(kinds == layers)
        #expect(selected.count { $0.geometry.kind == .norm } == norms)
        #expect(LayerTarget.selected(by: preset.textEncoder, in: networks.text, side: .textEncoder).count == text)
    }

    @Test(
        "give adapters of the reference's size",
        arguments: [
            (["algorithm": .text("lora"), "dim": .number(8), "layers": .text("attn-only")], 2_184_368),
            (["algorithm": .text("lora"), "dim": .number(8), "layers": .text("attn-mlp")], 4_718_856),
            (
                [
                    "algorithm": .text("lora"), "dim": .number(8), "layers": .text("full"), "train_norm": .flag(true),
                ], 9_992_866
            ),
            (["algorithm": .text("lora"), "dim": .number(32), "layers": .text("attn-mlp")], 18_874_632),
            (["algorithm": .text("loha"), "dim": .number(4), "layers": .text("attn-mlp")], 4_718_856),
            (["algorithm": .text("loha"), "dim": .number(16), "layers": .text("attn-mlp")], 18_874_632),
            (["algorithm": .text("lokr"), "factor": .number(8), "layers": .text("attn-mlp")], 5_515_784),
            (["algorithm": .text("lokr"), "factor": .number(4), "layers": .text("attn-mlp")], 21_998_984),
            (["algorithm": .text("full"), "layers": .text("attn-only")], 121_885_056),
            (["algorithm": .text("lokr"), "factor": .number(12), "layers": .text("attn-mlp")], 3_258_120),
            (["algorithm": .text("lokr"), "factor": .number(8), "layers": .text("attn-only")], 1_914_928),
            (
                [
                    "algorithm": .text("lokr"), "factor": .number(8), "layers": .text("full"),
                    "train_norm": .flag(true),
                ], 14_973_858
            ),
        ] as [([String: ParameterValue], Int)])
    func sizes(parameters: [String: ParameterValue], values: Int) throws {
        let networks = Networks()
        let given = parameters.merging(["lr": .number(1e-4), "epochs": .number(1), "batch": .number(1)]) { $1 }
        let adapters = try AdapterSet.create(
            unet: networks.unet, textEncoder: networks.text, spec: try TrainingSpec(given))
        // LoHa of rank r has two tensors more a layer than LoRA of rank 2r, and one alpha just the same.
        #expect(adapters.valueCount == values)
    }

    @Test(
        "train as many values natively as the reference, counted layer by layer",
        arguments: [(LayerPreset.attnMLP, false, 352_157_120), (.full, true, 944_537_924)] as [(LayerPreset, Bool, Int)]
    )
    func nativeSizes(preset: LayerPreset, norms: Bool, values: Int) throws {
        let networks = Networks()
        let targets =
            LayerTarget.selected(by: preset.unet, in: networks.unet, side: .unet)
            + LayerTarget.selected(by: preset.textEncoder, in: networks.text, side: .textEncoder)
        let count = targets.reduce(0) { sum, target in
            let geometry = target.geometry
            if geometry.kind == .norm { return sum + (norms ? 2 * geometry.outputs : 0) }
            guard preset.includesConvolutions || geometry.taps == 1 else { return sum }
            return sum + geometry.outputs * geometry.columns + (geometry.hasBias ? geometry.outputs : 0)
        }
        #expect(count == values)
    }

    @Test("as a file in half precision take two bytes a value")
    func bytes() throws {
        let networks = Networks()
        let given: [String: ParameterValue] = [
            "algorithm": "lora", "dim": 8, "layers": "attn-only", "lr": 1e-4, "epochs": 1, "batch": 1,
        ]
        let adapters = try AdapterSet.create(
            unet: networks.unet, textEncoder: networks.text, spec: try TrainingSpec(given))
        let folder = try TemporaryFolder()
        try adapters.save(to: folder.path + "/new.safetensors")
        let file = try SafetensorsFile(path: folder.path + "/new.safetensors")
        #expect(file.names.reduce(0) { $0 + (file.info($1)?.count ?? 0) } == 2_184_368)
        #expect(file.names.allSatisfy { file.info($0)?.dtype == .f16 })
    }

    @Test(
        "of one's own in a sweep's map select in the U-Net and in the text encoder",
        arguments: [
            (["classes": ["Attention"]], 128, 0), (["classes": ["CLIPMLP"]], 0, 24),
            (["names": ["to_v", "v_proj"]], 32, 12), (["names": ["down_blocks.*.attn1.to_q"]], 6, 0),
            (["classes": ["Transformer2DModel", "CLIPAttention"], "exclude": ["*.ff.net.*", "out_proj"]], 160, 36),
            (["names": ["conv_in", "conv_out"], "exclude": ["conv_out"]], 1, 0),
        ] as [(ParameterValue, Int, Int)])
    func ownMaps(map: ParameterValue, unet: Int, text: Int) throws {
        let networks = Networks()
        let given: [String: ParameterValue] = ["algorithm": "ia3", "layers": map, "lr": 1e-4, "epochs": 1, "batch": 1]
        let adapters = try AdapterSet.create(
            unet: networks.unet, textEncoder: networks.text, spec: try TrainingSpec(given))
        #expect(adapters.layers.count { $0.side == .unet } == unet)
        #expect(adapters.layers.count { $0.side == .textEncoder } == text)
    }

    @Test("of one's own select by path suffix and glob, and leave out")
    func ownSelection() {
        let network = TwoLayers(outputs: 4, inputs: 4)
        func paths(_ rule: LayerRule) -> [String] {
            LayerTarget.selected(by: rule, in: network, side: .unet).map(\.path)
        }
        #expect(paths(LayerRule(classes: ["Block"])) == ["lin", "conv", "norm"])
        #expect(paths(LayerRule(classes: [], names: ["lin"])) == ["lin"])
        #expect(paths(LayerRule(classes: [], names: ["c*"])) == ["conv"])
        #expect(paths(LayerRule(classes: ["Block"], exclude: ["*n*"])) == [])
        #expect(paths(LayerRule(classes: ["Block"], within: "Elsewhere")) == [])
    }
}
