/// The keys of adapter files: a layer's name and a tensor's suffix, in whichever program's spelling.
package enum StoredKey {
    /// Before textual-inversion embeddings that some files carry along.
    package static let bundle = "bundle_emb"

    /// What diffusers and PEFT put before a path, and the prefix of kohya's names for it.
    private static let components = [
        ("base_model.model.", ""), ("unet.", "lora_unet_"), ("text_encoder_2.", "lora_te2_"),
        ("text_encoder.", "lora_te_"),
    ]
    /// Endings of diffusers' and PEFT's LoRA tensors, longest first, and kohya's suffixes.
    private static let endings = [
        (".lora_magnitude_vector.weight", "dora_scale"), (".lora_magnitude_vector", "dora_scale"),
        (".lora_A.default.weight", "lora_down.weight"), (".lora_B.default.weight", "lora_up.weight"),
        (".lora_A.weight", "lora_down.weight"), (".lora_B.weight", "lora_up.weight"),
        (".lora.down.weight", "lora_down.weight"), (".lora.up.weight", "lora_up.weight"),
        (".lora_linear_layer.down.weight", "lora_down.weight"), (".lora_linear_layer.up.weight", "lora_up.weight"),
        ("_lora.down.weight", "lora_down.weight"), ("_lora.up.weight", "lora_up.weight"), (".alpha", "alpha"),
    ]

    /// A key's layer name and suffix as kohya spells them.
    ///
    /// diffusers' and PEFT's LoRA keys (`unet.….to_q.lora_A.weight`) become `lora_unet_…_to_q` and `lora_down.weight`.
    package static func split(_ key: String) -> (name: String, suffix: String) {
        if let converted = foreign(key) { return converted }
        let dot = key.firstIndex(of: ".") ?? key.endIndex
        return (String(key[..<dot]), String(key[dot...].dropFirst()))
    }

    /// The shape under which a key's tensor is understood: PEFT keeps DoRA's magnitudes of output rows of a convolution as
    /// `[1, out, 1, 1]`, which elsewhere means input channels.
    package static func shape(of key: String, _ shape: [Int]) -> [Int] {
        key.contains(".lora_magnitude_vector") ? [shape.reduce(1, *), 1] : shape
    }

    private static func foreign(_ key: String) -> (name: String, suffix: String)? {
        var path = key
        var prefix = ""
        for (spelling, kohya) in components where path.hasPrefix(spelling) {
            path.removeFirst(spelling.count)
            prefix = kohya
        }
        guard path.count < key.count, let ending = endings.first(where: { path.hasSuffix($0.0) }) else { return nil }
        path.removeLast(ending.0.count)
        // Old files name the attention's processor and one layer's output without its index.
        path = path.replacing(".processor.", with: ".")
        if path.hasSuffix(".processor") { path.removeLast(".processor".count) }
        if path.hasSuffix(".to_out") { path += ".0" }
        let isText = path.hasPrefix("text_model.") || path.hasPrefix("encoder.layers.")
        if prefix.isEmpty { prefix = isText ? "lora_te_" : "lora_unet_" }
        return (prefix + LayerPath.flat(path), ending.1)
    }
}
