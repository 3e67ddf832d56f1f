/// The original Stable Diffusion's names of a U-Net's blocks, which kohya's SDXL files use, against
/// diffusers' paths.
package enum OriginalNames {
    private static let residual = [
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
        "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    ]
    private static let single = [
        "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    ]

    /// - Parameters:
    ///   - path: of a layer, in diffusers' names.
    ///   - layers: residual blocks of a level on the way down.
    ///   - attention: whether a level on the way up has attention, by its index; it decides the upsampler's
    ///     place.
    /// - Returns: nil if the path is none of a U-Net's.
    package static func original(
        _ path: String, layers: Int, attention: (Int) -> Bool = { $0 < 2 }
    ) -> String? {
        if let name = single[path] { return name }
        let parts = path.split(separator: ".").map(String.init)
        guard parts.count > 3 else { return nil }
        let inner = parts[0] == "mid_block" ? 1 : 2
        guard parts.count > inner + 2, let place = Int(parts[inner + 1]) else { return nil }
        let rest = parts[(inner + 2)...].joined(separator: ".")
        func part(_ block: String) -> String? {
            switch parts[inner] {
            case "resnets": residual[rest].map { "\(block).0.\($0)" }
            case "attentions": "\(block).1.\(rest)"
            default: nil
            }
        }
        switch parts[0] {
        case "mid_block":
            if parts[inner] == "attentions" { return "middle_block.1.\(rest)" }
            return residual[rest].map { "middle_block.\(2 * place).\($0)" }
        case "down_blocks":
            guard let level = Int(parts[1]) else { return nil }
            let first = 1 + (layers + 1) * level
            if parts[inner] == "downsamplers" { return "input_blocks.\(first + layers).0.op" }
            return part("input_blocks.\(first + place)")
        case "up_blocks":
            guard let level = Int(parts[1]) else { return nil }
            let first = (layers + 1) * level
            if parts[inner] == "upsamplers" {
                return "output_blocks.\(first + layers).\(attention(level) ? 2 : 1).conv"
            }
            return part("output_blocks.\(first + place)")
        default: return nil
        }
    }

    /// The inverse, for the original path with underscores; SDXL has two residual blocks a level.
    package static func diffusers(flat: String, layers: Int = 2) -> String? {
        if let match = single.first(where: { LayerPath.flat($0.value) == flat }) { return match.key }
        let parts = flat.split(separator: "_").map(String.init)
        guard parts.count > 3, parts[1] == "blocks" || parts[1] == "block" else { return nil }
        let leaves = Dictionary(uniqueKeysWithValues: residual.map { (LayerPath.flat($0.value), $0.key) })
        func numbers(_ range: Range<Int>) -> [Int] { range.compactMap { Int(parts[$0]) } }
        if parts[0] == "middle", let part = Int(parts[2]) {
            let rest = parts[3...].joined(separator: "_")
            if part == 1 { return "mid_block.attentions.0." + LayerPath.dotted(rest) }
            return leaves[rest].map { "mid_block.resnets.\(part / 2).\($0)" }
        }
        let found = numbers(2..<4)
        guard found.count == 2, parts.count > 4 else { return nil }
        let rest = parts[4...].joined(separator: "_")
        let isDown = parts[0] == "input"
        guard isDown || parts[0] == "output" else { return nil }
        let (level, place) = (isDown ? found[0] - 1 : found[0]).quotientAndRemainder(dividingBy: layers + 1)
        let block = "\(isDown ? "down" : "up")_blocks.\(level)"
        if rest == "op" { return "\(block).downsamplers.0.conv" }
        if rest == "conv", found[1] > 0 { return "\(block).upsamplers.0.conv" }
        if found[1] == 1 { return "\(block).attentions.\(place)." + LayerPath.dotted(rest) }
        return leaves[rest].map { "\(block).resnets.\(place).\($0)" }
    }
}

/// A layer's path with dots, and the form without them that adapter files use as a name.
package enum LayerPath {
    /// The path as kohya's names have it: dots become underscores.
    package static func flat(_ path: String) -> String { path.replacing(".", with: "_") }

    /// Path elements that hold an underscore themselves; everything between others is a dot.
    private static let compound: [[Substring]] = [
        "down_blocks", "up_blocks", "mid_block", "transformer_blocks", "time_embedding", "add_embedding", "linear_1",
        "linear_2", "conv_in", "conv_out", "conv_norm_out", "proj_in", "proj_out", "to_q", "to_k", "to_v", "to_out",
        "time_emb_proj", "conv_shortcut", "text_model", "text_projection", "self_attn", "q_proj", "k_proj", "v_proj",
        "out_proj", "layer_norm1", "layer_norm2", "final_layer_norm", "single_transformer_blocks", "norm1_context",
        "ff_context", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "proj_mlp", "x_embedder",
        "context_embedder", "time_text_embed", "time_guidance_embed", "timestep_embedder", "guidance_embedder",
        "text_embedder", "norm_out", "pos_embed", "to_qkv_mlp_proj", "linear_in", "linear_out",
        "double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation",
    ].map { $0.split(separator: "_") }.sorted { $0.count > $1.count }

    /// The path of a flat name of a network of Stable Diffusion or Flux, whose element names are known.
    package static func dotted(_ flat: String) -> String {
        let words = flat.split(separator: "_")
        var elements: [String] = []
        var i = 0
        while i < words.count {
            let match = compound.first { i + $0.count <= words.count && Array(words[i..<i + $0.count]) == $0 }
            let length = match?.count ?? 1
            elements.append(words[i..<i + length].joined(separator: "_"))
            i += length
        }
        return elements.joined(separator: ".")
    }
}
