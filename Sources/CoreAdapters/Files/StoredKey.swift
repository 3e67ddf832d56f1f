/// The key of a tensor in an adapter file, taken apart: a layer's name and a tensor's suffix, in whichever
/// program's spelling.
package struct StoredKey: Equatable, Sendable {
    /// Whose spelling a key has.
    package enum Style: Equatable, Sendable { case kohya, diffusers, peft }

    /// Before textual-inversion embeddings that some files carry along.
    package static let bundle = "bundle_emb"

    /// The layer in kohya's spelling, such as `lora_unet_mid_block_attentions_0_proj_in`.
    package let name: String
    /// The tensor in kohya's and LyCORIS' spelling, such as `lora_down.weight`.
    package let suffix: String
    /// What stands before the ending in the file: `unet.mid_block.attentions.0.proj_in`.
    package let place: String
    /// The layer's path in its own model, for PEFT's rules; kohya's names do not show it.
    package let path: String
    package let style: Style

    /// What PEFT and diffusers put before a path, and the prefix of kohya's names for it.
    private static let components = [
        ("base_model.model.", ""), ("unet.", "lora_unet_"), ("transformer.", "lora_unet_"),
        ("text_encoder_2.", "lora_te2_"), ("text_encoder.", "lora_te_"),
    ]
    /// Endings of diffusers' and PEFT's LoRA tensors, longest first, and kohya's suffixes.
    private static let endings = [
        (".lora_magnitude_vector.default.weight", "dora_scale"), (".lora_magnitude_vector.weight", "dora_scale"),
        (".lora_magnitude_vector.default", "dora_scale"), (".lora_magnitude_vector", "dora_scale"),
        (".lora_A.default.weight", "lora_down.weight"), (".lora_B.default.weight", "lora_up.weight"),
        (".lora_B.default.bias", "lora_up.bias"), (".lora_B.bias", "lora_up.bias"),
        (".lora_A.weight", "lora_down.weight"), (".lora_B.weight", "lora_up.weight"),
        (".lora.down.weight", "lora_down.weight"), (".lora.up.weight", "lora_up.weight"),
        (".lora_linear_layer.down.weight", "lora_down.weight"), (".lora_linear_layer.up.weight", "lora_up.weight"),
        ("_lora.down.weight", "lora_down.weight"), ("_lora.up.weight", "lora_up.weight"), (".alpha", "alpha"),
    ]
    /// What only PEFT's files hold: its LoHa and LoKr, and weights and biases in full (`modules_to_save`,
    /// `bias`).
    private static let endingsOfPEFT =
        ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"].map { ("." + $0, $0) }
        + ["lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"].map { ("." + $0, $0) }
        + [".modules_to_save.default", ".base_layer", ""].flatMap {
            [($0 + ".weight", StoredLayer.wholeWeight), ($0 + ".bias", StoredLayer.wholeBias)]
        }
    /// Other programs' names for a suffix of kohya's spelling.
    private static let synonyms = ["magnitude": "dora_scale"]

    /// diffusers' and PEFT's keys (`unet.….to_q.lora_A.weight`) become `lora_unet_…_to_q` and
    /// `lora_down.weight`.
    ///
    /// - Parameter component: the folder of diffusers' layout that the file belongs to, where that is known.
    /// - Throws: `AdapterError.unplacedKey` for a key of diffusers' or PEFT's spelling with an ending that
    ///   neither has.
    package static func split(_ key: String, component: String? = nil) throws -> StoredKey {
        var path = key
        var prefix = ""
        for (spelling, kohya) in components where path.hasPrefix(spelling) {
            path.removeFirst(spelling.count)
            prefix = kohya
        }
        guard path.count < key.count else { return kohyas(key) }
        let isPEFT = key.hasPrefix(components[0].0)
        guard let ending = (endings + (isPEFT ? endingsOfPEFT : [])).first(where: { path.hasSuffix($0.0) }) else {
            throw AdapterError(
                .unplacedKey,
                "\(key): neither diffusers nor PEFT have a tensor of that name that is read here; wanted endings such as "
                    + "lora_A.weight and lora_B.weight (kohya's endings belong to names such as lora_unet_…)")
        }
        path.removeLast(ending.0.count)
        let spelled = path
        // Old files name the attention's processor and one layer's output without its index.
        path = path.replacing(".processor.", with: ".")
        if path.hasSuffix(".processor") { path.removeLast(".processor".count) }
        if path.hasSuffix(".to_out") { path += ".0" }
        let isText = path.hasPrefix("text_model.") || path.hasPrefix("encoder.layers.")
        if prefix.isEmpty {
            let byFolder = components.first { $0.0 == component.map { $0 + "." } }?.1
            prefix = byFolder ?? (isText ? "lora_te_" : "lora_unet_")
        }
        return StoredKey(
            name: prefix + LayerPath.flat(path), suffix: ending.1, place: String(key.dropLast(ending.0.count)),
            path: spelled, style: isPEFT ? .peft : .diffusers)
    }

    private static func kohyas(_ key: String) -> StoredKey {
        let dot = key.firstIndex(of: ".") ?? key.endIndex
        let (name, suffix) = (String(key[..<dot]), String(key[dot...].dropFirst()))
        return StoredKey(
            name: name, suffix: synonyms[suffix] ?? suffix, place: name, path: name, style: .kohya)
    }

    /// How a file of this spelling would call another tensor of the layer.
    package func spelled(_ suffix: String) -> String {
        guard style != .kohya else { return "\(place).\(suffix)" }
        let ending = (Self.endings + Self.endingsOfPEFT).last { $0.1 == suffix && !$0.0.contains(".default") }?.0
        // The endings in use today are neither the first nor the last of each.
        let usual = ["lora_down.weight": ".lora_A.weight", "lora_up.weight": ".lora_B.weight"]
        return place + (usual[suffix] ?? ending ?? "." + suffix)
    }

    /// The shape under which a key's tensor is understood: ai-toolkit and PEFT keep DoRA's magnitudes of
    /// output rows as `[out]` or, of a convolution, `[1, out, 1, 1]`, which elsewhere means input channels.
    package static func shape(of key: String, _ shape: [Int]) -> [Int] {
        let isMagnitude = key.contains(".lora_magnitude_vector") || key.hasSuffix(".magnitude")
        return isMagnitude ? [shape.reduce(1, *), 1] : shape
    }
}
