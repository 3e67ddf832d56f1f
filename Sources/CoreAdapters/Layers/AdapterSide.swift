/// The component that a layer belongs to.
package enum AdapterSide: String, CaseIterable, Sendable {
    case unet, textEncoder

    /// What stands before a layer's name in files; written, and read.
    package var prefix: String {
        switch self {
        case .unet: "lora_unet_"
        case .textEncoder: "lora_te_"
        }
    }

    /// A layer's name in the files we write: its path with underscores. Stable Diffusion 1 text encoders are spelt with
    /// `text_model_` whatever the class tree calls its root.
    package func fileName(path: String) -> String {
        let flat = path.replacing(".", with: "_")
        switch self {
        case .unet: return prefix + flat
        case .textEncoder: return prefix + (flat.hasPrefix("text_model_") ? flat : "text_model_" + flat)
        }
    }

    /// Every spelling of the layer's name that files in the wild use.
    func spellings(path: String) -> [String] {
        let flat = path.replacing(".", with: "_")
        switch self {
        case .unet: return [prefix + flat, "lycoris_" + flat]
        case .textEncoder:
            let short = flat.hasPrefix("text_model_") ? String(flat.dropFirst("text_model_".count)) : flat
            return ["lora_te_", "lora_te1_", "lycoris_"].flatMap { [$0 + "text_model_" + short, $0 + short] }
        }
    }
}
