import CoreAdapters
import RunSpec
import Testing

extension NewAdapterTests {
    struct Variant: Sendable, CustomTestStringConvertible {
        let name: String
        let algorithm: Algorithm
        var dim: Int? = 2
        var configure: @Sendable (inout AdapterSpec) -> Void = { _ in }
        /// Suffixes that get a gradient at the first step: the tensors that are zero at the start.
        let moving: Set<String>
        /// Whether the update can be added to a layer's output without building ΔW.
        var bypasses: Bool { [.lora, .dylora, .loha, .lokr].contains(algorithm) && !isDecomposed }
        private var isDecomposed: Bool {
            var adapter = AdapterSpec(
                algorithm: algorithm, layers: LayerSelection(.full))
            configure(&adapter)
            return adapter.options.dora
        }
        var testDescription: String { name }
    }

    static let variants = [
        Variant(name: "LoRA", algorithm: .lora, moving: ["lora_up.weight"]),
        Variant(
            name: "LoRA Tucker", algorithm: .lora, configure: { $0.options.useTucker = true },
            moving: ["lora_up.weight"]),
        Variant(name: "LoRA scalar", algorithm: .lora, configure: { $0.options.useScalar = true }, moving: ["scalar"]),
        Variant(name: "rs-LoRA", algorithm: .lora, configure: { $0.options.rsLoRA = true }, moving: ["lora_up.weight"]),
        Variant(name: "LoHa", algorithm: .loha, moving: ["hada_w2_a"]),
        Variant(
            name: "LoHa Tucker", algorithm: .loha, configure: { $0.options.useTucker = true }, moving: ["hada_w2_a"]),
        Variant(name: "LoKr full matrix", algorithm: .lokr, dim: nil, moving: ["lokr_w2"]),
        Variant(name: "LoKr low rank", algorithm: .lokr, dim: 1, moving: ["lokr_w2_b"]),
        Variant(
            name: "LoKr both", algorithm: .lokr, dim: 1,
            configure: {
                $0.options.decomposeBoth = true
                $0.options.factor = 4
            }, moving: ["lokr_w2_b"]),
        Variant(
            name: "LoKr Tucker", algorithm: .lokr, dim: 1, configure: { $0.options.useTucker = true },
            moving: ["lokr_w2_b"]),
        Variant(
            name: "LoKr unbalanced", algorithm: .lokr, dim: 1,
            configure: {
                $0.options.unbalancedFactorization = true
                $0.options.factor = 2
            }, moving: ["lokr_w2_b"]),
        Variant(name: "full", algorithm: .full, dim: nil, moving: ["diff"]),
        Variant(name: "(IA)³", algorithm: .ia3, dim: nil, moving: ["weight"]),
        Variant(
            name: "(IA)³ on inputs", algorithm: .ia3, dim: nil, configure: { $0.options.trainOnInput = true },
            moving: ["weight"]),
        Variant(name: "GLoRA", algorithm: .glora, moving: ["a2.weight", "b2.weight"]),
        Variant(name: "Diag-OFT", algorithm: .diagOFT, dim: 3, moving: ["oft_blocks"]),
        Variant(
            name: "Diag-OFT bounded", algorithm: .diagOFT, dim: 3,
            configure: {
                $0.options.constraint = 0.05
                $0.options.rescaled = true
            }, moving: ["oft_blocks", "rescale"]),
        Variant(
            name: "DyLoRA", algorithm: .dylora, configure: { $0.options.blockSize = 2 },
            moving: ["lora_up.weight"]),
        Variant(
            name: "Diag-OFT rescaled", algorithm: .diagOFT, dim: 3, configure: { $0.options.rescaled = true },
            moving: ["oft_blocks", "rescale"]),
        Variant(name: "BOFT", algorithm: .boft, dim: 6, moving: ["oft_blocks"]),
        Variant(
            name: "DoRA on outputs", algorithm: .lora, configure: { $0.options.dora = true },
            moving: ["lora_up.weight", "dora_scale"]),
        Variant(
            name: "DoRA on inputs, LoHa", algorithm: .loha,
            configure: {
                $0.options.dora = true
                $0.options.weightDecomposeOnOutput = false
            }, moving: ["hada_w2_a", "dora_scale"]),
        Variant(
            name: "DoRA on outputs, LoKr", algorithm: .lokr, dim: 1, configure: { $0.options.dora = true },
            moving: ["lokr_w2_b", "dora_scale"]),
        Variant(name: "LoHa scalar", algorithm: .loha, configure: { $0.options.useScalar = true }, moving: ["scalar"]),
        Variant(
            name: "LoKr scalar", algorithm: .lokr, dim: 1, configure: { $0.options.useScalar = true },
            moving: ["scalar"]),
        Variant(
            name: "GLoRA scalar", algorithm: .glora, configure: { $0.options.useScalar = true }, moving: ["scalar"]),
        Variant(name: "rs-LoHa", algorithm: .loha, configure: { $0.options.rsLoRA = true }, moving: ["hada_w2_a"]),
        Variant(
            name: "LoKr full_matrix", algorithm: .lokr, dim: 1, configure: { $0.options.fullMatrix = true },
            moving: ["lokr_w2"]
        ),
        Variant(
            name: "GLoKr full matrix", algorithm: .glokr, dim: nil, moving: ["a.lokr_w2", "b.lokr_w2"]),
        Variant(
            name: "GLoKr low rank", algorithm: .glokr, dim: 1, moving: ["a.lokr_w2_b", "b.lokr_w2_b"]),
        Variant(
            name: "GLoKr scalar", algorithm: .glokr, dim: 1, configure: { $0.options.useScalar = true },
            moving: ["scalar"]),
        Variant(
            name: "GLoKr both", algorithm: .glokr, dim: 1,
            configure: {
                $0.options.decomposeBoth = true
                $0.options.factor = 4
            }, moving: ["a.lokr_w2_b", "b.lokr_w2_b"]),
        Variant(
            name: "GLoKr Tucker", algorithm: .glokr, dim: 1, configure: { $0.options.useTucker = true },
            moving: ["a.lokr_w2_b", "b.lokr_w2_b"]),
        Variant(
            name: "GLoKr unbalanced", algorithm: .glokr, dim: 1,
            configure: {
                $0.options.unbalancedFactorization = true
                $0.options.factor = 2
            }, moving: ["a.lokr_w2_b", "b.lokr_w2_b"]),
        Variant(
            name: "BOFT rescaled", algorithm: .boft, dim: 6, configure: { $0.options.rescaled = true },
            moving: ["oft_blocks", "rescale"]),
        Variant(
            name: "BOFT bounded", algorithm: .boft, dim: 6, configure: { $0.options.constraint = 0.05 },
            moving: ["oft_blocks"]),
        Variant(
            name: "DoRA on inputs", algorithm: .lora,
            configure: {
                $0.options.dora = true
                $0.options.weightDecomposeOnOutput = false
            }, moving: ["lora_up.weight", "dora_scale"]),
        Variant(
            name: "DoRA, LoHa", algorithm: .loha, configure: { $0.options.dora = true },
            moving: ["hada_w2_a", "dora_scale"]),
        Variant(
            name: "DoRA on inputs, LoKr", algorithm: .lokr, dim: 1,
            configure: {
                $0.options.dora = true
                $0.options.weightDecomposeOnOutput = false
            }, moving: ["lokr_w2_b", "dora_scale"]),
        Variant(
            name: "DoRA, LoRA Tucker", algorithm: .lora,
            configure: {
                $0.options.dora = true
                $0.options.useTucker = true
            }, moving: ["lora_up.weight", "dora_scale"]),
        Variant(
            name: "LoRA Tucker scalar", algorithm: .lora,
            configure: {
                $0.options.useTucker = true
                $0.options.useScalar = true
            }, moving: ["scalar"]),
        Variant(
            name: "LoHa Tucker scalar", algorithm: .loha,
            configure: {
                $0.options.useTucker = true
                $0.options.useScalar = true
            }, moving: ["scalar"]),
        Variant(
            name: "LoKr Tucker scalar", algorithm: .lokr, dim: 1,
            configure: {
                $0.options.useTucker = true
                $0.options.useScalar = true
            }, moving: ["scalar"]),
        Variant(
            name: "LoKr full matrix scalar", algorithm: .lokr, dim: nil, configure: { $0.options.useScalar = true },
            moving: ["scalar"]),
        Variant(
            name: "LoRA with rank dropout", algorithm: .lora, configure: { $0.dropout.rank = 0.3 },
            moving: ["lora_up.weight"]),
        Variant(
            name: "LoRA with dropout", algorithm: .lora, configure: { $0.dropout.activations = 0.3 },
            moving: ["lora_up.weight"]),
        Variant(
            name: "LoKr with rank dropout", algorithm: .lokr, dim: 1, configure: { $0.dropout.rank = 0.3 },
            moving: ["lokr_w2_b"]),
        Variant(
            name: "GLoRA with rank dropout", algorithm: .glora, configure: { $0.dropout.rank = 0.3 },
            moving: ["a2.weight", "b2.weight"]),
        Variant(
            name: "Diag-OFT with rank dropout", algorithm: .diagOFT, dim: 3, configure: { $0.dropout.rank = 0.3 },
            moving: ["oft_blocks"]),
    ]
    /// With a kernel's side: 1×1 convolutions are matrices in another shape.
    static let kernels = [3, 1]
}
