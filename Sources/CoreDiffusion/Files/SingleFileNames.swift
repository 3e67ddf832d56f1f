/// Names of the original Stable Diffusion's single files, translated to diffusers' names.
package enum SingleFileNames {
    package static let unetPrefix = "model.diffusion_model."
    package static let autoencoderPrefix = "first_stage_model."
    package static let textPrefix = "cond_stage_model.transformer."
    /// SDXL's first text encoder, in transformers' names.
    package static let textPrefixXL = "conditioner.embedders.0.transformer."
    /// SDXL's second text encoder, in OpenCLIP's names.
    package static let secondTextPrefixXL = "conditioner.embedders.1.model."

    /// - Parameters:
    ///   - name: without `unetPrefix`.
    ///   - layers: residual blocks of a level on the way down.
    /// - Returns: nil if the name is none of a U-Net's.
    package static func unet(_ name: String, layers: Int) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count >= 3 else { return nil }
        let rest = Array(parts[3...])
        func number(_ index: Int) -> Int? { Int(parts[index]) }
        switch parts[0] {
        case "time_embed": return embedding("time_embedding", parts[1], parts[2])
        case "label_emb": return rest.isEmpty ? nil : embedding("add_embedding", parts[2], rest[0])
        case "out":
            return ["0": "conv_norm_out", "2": "conv_out"][parts[1]].map { $0 + "." + parts[2] }
        case "input_blocks":
            guard let block = number(1), let part = number(2), !rest.isEmpty else { return nil }
            if block == 0 { return "conv_in." + rest[0] }
            let (level, place) = (block - 1).quotientAndRemainder(dividingBy: layers + 1)
            if rest[0] == "op" {
                return "down_blocks.\(level).downsamplers.0.conv." + rest.dropFirst().joined(separator: ".")
            }
            return layer("down_blocks.\(level)", place, isAttention: part == 1, rest)
        case "middle_block":
            guard let part = number(1) else { return nil }
            return layer("mid_block", part == 2 ? 1 : 0, isAttention: part == 1, Array(parts[2...]))
        case "output_blocks":
            guard let block = number(1), let part = number(2), !rest.isEmpty else { return nil }
            let (level, place) = block.quotientAndRemainder(dividingBy: layers + 1)
            if part > 0, rest[0] == "conv" {
                return "up_blocks.\(level).upsamplers.0.conv." + rest.dropFirst().joined(separator: ".")
            }
            return layer("up_blocks.\(level)", place, isAttention: part == 1, rest)
        default: return nil
        }
    }

    private static func embedding(_ owner: String, _ place: String, _ leaf: String) -> String? {
        ["0": "linear_1", "2": "linear_2"][place].map { owner + "." + $0 + "." + leaf }
    }

    private static func layer(_ block: String, _ place: Int, isAttention: Bool, _ rest: [String]) -> String? {
        if isAttention { return "\(block).attentions.\(place)." + rest.joined(separator: ".") }
        let table = [
            "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
            "out_layers.3": "conv2",
        ]
        guard let leaf = rest.last else { return nil }
        if rest[0] == "skip_connection" { return "\(block).resnets.\(place).conv_shortcut.\(leaf)" }
        return table[rest.dropLast().joined(separator: ".")].map { "\(block).resnets.\(place).\($0).\(leaf)" }
    }

    /// - Parameters:
    ///   - name: without `autoencoderPrefix`.
    ///   - levels: of the encoder; the decoder's are counted from the other end.
    /// - Returns: nil if the name is none of an autoencoder's.
    package static func autoencoder(_ name: String, levels: Int) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count >= 2, let leaf = parts.last else { return nil }
        guard parts[0] == "encoder" || parts[0] == "decoder", parts.count >= 3 else {
            return parts[0] == "quant_conv" || parts[0] == "post_quant_conv" ? name : nil
        }
        let side = parts[0]
        switch parts[1] {
        case "conv_in", "conv_out": return name
        case "norm_out": return "\(side).conv_norm_out.\(leaf)"
        case "mid":
            guard parts.count >= 4 else { return nil }
            switch parts[2] {
            case "block_1": return "\(side).mid_block.resnets.0." + resnet(parts[3...])
            case "block_2": return "\(side).mid_block.resnets.1." + resnet(parts[3...])
            default:
                let table = ["norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"]
                return table[parts[3]].map { "\(side).mid_block.attentions.0.\($0).\(leaf)" }
            }
        case "down", "up":
            guard parts.count >= 6, let level = Int(parts[2]) else { return nil }
            let block = parts[1] == "down" ? "down_blocks.\(level)" : "up_blocks.\(levels - 1 - level)"
            switch parts[3] {
            case "downsample": return "\(side).\(block).downsamplers.0.conv.\(leaf)"
            case "upsample": return "\(side).\(block).upsamplers.0.conv.\(leaf)"
            default: return "\(side).\(block).resnets.\(parts[4])." + resnet(parts[5...])
            }
        default: return nil
        }
    }

    private static func resnet(_ rest: ArraySlice<String>) -> String {
        rest.map { $0 == "nin_shortcut" ? "conv_shortcut" : $0 }.joined(separator: ".")
    }
}
