/// Which layers get adapters, by name. The class lists are those of diffusers and transformers.
package enum LayerPreset: String, CaseIterable, Codable, Hashable, Sendable {
    case attnOnly = "attn-only"
    case attnMLP = "attn-mlp"
    case full
    case fullLinear = "full-lin"
    case unetOnly = "unet-only"
    case unetTransformerOnly = "unet-transformer-only"
    case unetConvBlockOnly = "unet-convblock-only"

    /// What the preset selects in the U-Net: everything below a block of one of these classes, plus single
    /// layers by path.
    package var unet: LayerRule {
        switch self {
        case .attnOnly: LayerRule(classes: ["Attention"], within: "Transformer2DModel")
        case .attnMLP, .unetTransformerOnly: LayerRule(classes: ["Transformer2DModel"])
        case .full, .unetOnly:
            LayerRule(
                classes: ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"],
                names: ["conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"])
        case .fullLinear:
            LayerRule(
                classes: ["Transformer2DModel", "ResnetBlock2D"],
                names: ["time_embedding.linear_1", "time_embedding.linear_2"])
        case .unetConvBlockOnly:
            LayerRule(classes: ["ResnetBlock2D", "Downsample2D", "Upsample2D"], names: ["conv_in", "conv_out"])
        }
    }

    /// What the preset selects in a CLIP text encoder; nothing for the `unet-` presets.
    package var textEncoder: LayerRule {
        switch self {
        case .attnOnly: LayerRule(classes: ["CLIPAttention"])
        case .attnMLP, .full, .fullLinear: LayerRule(classes: ["CLIPAttention", "CLIPMLP"])
        case .unetOnly, .unetTransformerOnly, .unetConvBlockOnly: LayerRule(classes: [])
        }
    }

    /// Whether k×k convolutions are trained (with `conv_dim`); 1×1 convolutions always are, with `dim`.
    package var includesConvolutions: Bool {
        switch self {
        case .full, .unetOnly, .unetConvBlockOnly: true
        case .attnOnly, .attnMLP, .fullLinear, .unetTransformerOnly: false
        }
    }
}
