/// Layer names of adapter files between kohya's and diffusers' conventions, without a base model.
enum CanonicalName {
    private static let prefixes = ["lora_unet_", "lora_te1_", "lora_te2_", "lora_te_", "lycoris_", "lora_transformer_"]

    /// One spelling for all: diffusers' blocks in kohya's form.
    static func of(_ name: String) -> String {
        guard let (component, path) = parsed(name) else { return name }
        let prefix =
            ["unet": "lora_unet_", "transformer": "lora_unet_", "text_encoder_2": "lora_te2_"][component] ?? "lora_te_"
        return prefix + LayerPath.flat(path)
    }

    /// The component's folder in diffusers' layout and the layer's path in diffusers' or transformers' names.
    static func parsed(_ name: String) -> (component: String, path: String)? {
        guard let prefix = prefixes.first(where: name.hasPrefix) else { return nil }
        let flat = String(name.dropFirst(prefix.count))
        let isText = flat.hasPrefix("text_model_") || flat.hasPrefix("encoder_layers_")
        switch prefix {
        case "lora_unet_", "lycoris_", "lora_transformer_":
            let path = LayerPath.dotted(flat)
            if OriginalTransformerNames.isTransformer(path: path) { return ("transformer", path) }
            if prefix == "lycoris_", isText { return ("text_encoder", textPath(flat)) }
            return ("unet", OriginalNames.diffusers(flat: flat) ?? LayerPath.dotted(flat))
        case "lora_te2_": return ("text_encoder_2", textPath(flat))
        default: return ("text_encoder", textPath(flat))
        }
    }

    private static func textPath(_ flat: String) -> String {
        let long = flat.hasPrefix("text_model_") || flat.hasPrefix("text_projection") ? flat : "text_model_" + flat
        return LayerPath.dotted(long)
    }

    /// kohya's name of a layer of a component.
    static func kohya(component: String, path: String, isXL: Bool) -> String {
        switch component {
        case "unet":
            let original = isXL ? OriginalNames.original(path, layers: 2) : nil
            return "lora_unet_" + LayerPath.flat(original ?? path)
        case "transformer": return "lycoris_" + LayerPath.flat(path)
        case "text_encoder_2": return "lora_te2_" + LayerPath.flat(path)
        default: return (isXL ? "lora_te1_" : "lora_te_") + LayerPath.flat(path)
        }
    }
}
