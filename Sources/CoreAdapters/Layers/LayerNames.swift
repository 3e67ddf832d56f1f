package import CoreNets

/// How adapter files call the layers of one component.
///
/// Stable Diffusion 1 and 2 keep diffusers' paths with underscores (`lora_unet_down_blocks_0_…`,
/// `lora_te_text_model_…`). SDXL's U-Net has kohya's original-block names (`lora_unet_input_blocks_4_1_…`)
/// and two text encoders (`lora_te1_`, `lora_te2_`). Transformers have diffusers' paths
/// (`lycoris_transformer_blocks_…`); kohya's names of fused layers are taken apart before
/// (`StoredLayer.divided`).
package struct LayerNames: Equatable, Sendable {
    package let side: AdapterSide
    /// Residual blocks of a level on the way down, in an SDXL U-Net; nil for others.
    private let originalLayers: Int?
    /// The text encoder with a projection, SDXL's second.
    private let isSecond: Bool
    /// Whether a text encoder is one of the two that run.
    private let isPaired: Bool

    /// Whether the network is a transformer of a rectified flow.
    private let isTransformer: Bool

    package init(_ root: any Module, side: AdapterSide, isPaired: Bool = false) {
        self.side = side
        isTransformer = Self.isTransformer(root)
        isSecond = root.className == "CLIPTextModelWithProjection"
        self.isPaired = isPaired
        let first = root.children.first { $0.name == "down_blocks.0" }?.module
        originalLayers = Self.isXL(root) ? first?.children.count { $0.name.hasPrefix("resnets.") } : nil
    }

    /// Whether a network is the transformer of Flux or of Stable Diffusion 3.
    static func isTransformer(_ root: any Module) -> Bool {
        let name = root.className
        return name.hasSuffix("Transformer2DModel") && name != "Transformer2DModel"
    }

    /// Whether a U-Net is SDXL's.
    static func isXL(_ unet: any Module) -> Bool { unet.children.contains { $0.name == "add_embedding" } }

    /// The name in the files we write, which every reader knows.
    package func written(_ path: String) -> String {
        switch side {
        case .unet where isTransformer:
            // Readers of Flux know diffusers' paths under lycoris-lora's own prefix.
            return "lycoris_" + LayerPath.flat(path)
        case .unet:
            let original = originalLayers.flatMap { OriginalNames.original(path, layers: $0) }
            return "lora_unet_" + LayerPath.flat(original ?? path)
        case .textEncoder:
            return (isSecond ? "lora_te2_" : isPaired ? "lora_te1_" : "lora_te_") + Self.textName(path)
        }
    }

    /// Every spelling of the layer's name that files in the wild use.
    func spellings(_ path: String) -> [String] {
        switch side {
        case .unet:
            let flat = LayerPath.flat(path)
            let oneTrainers = isTransformer ? ["lora_transformer_" + flat] : []
            return Array(Set([written(path), "lora_unet_" + flat, "lycoris_" + flat] + oneTrainers)).sorted()
        case .textEncoder:
            let long = Self.textName(path)
            let short = long.hasPrefix("text_model_") ? String(long.dropFirst("text_model_".count)) : long
            // The model-agnostic prefix cannot mean one of two.
            let prefixes = (isSecond ? ["lora_te2_"] : ["lora_te_", "lora_te1_"]) + (isPaired ? [] : ["lycoris_"])
            return prefixes.flatMap { [$0 + long, $0 + short] }
        }
    }

    /// Prefixes of the component's names that no other component uses.
    var prefixes: [String] {
        switch side {
        case .unet: ["lora_unet_"]
        case .textEncoder: isSecond ? ["lora_te2_"] : ["lora_te_", "lora_te1_"]
        }
    }

    private static func textName(_ path: String) -> String {
        let flat = LayerPath.flat(path)
        return flat.hasPrefix("text_model_") || flat.hasPrefix("text_projection") ? flat : "text_model_" + flat
    }
}
