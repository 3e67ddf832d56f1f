/// The names that Flux and Stable Diffusion 3 had in their authors' code, which kohya's files use, against
/// diffusers' paths. There queries, keys and values are one layer, as is the feed-forward part of a single
/// block.
package enum OriginalTransformerNames {
    /// Rows of an original layer that are a layer in diffusers; `share` is its part of them.
    package struct Part: Equatable, Sendable {
        package let path: String
        package let share: Int
    }

    /// What one layer of the original is in diffusers.
    package struct Place: Equatable, Sendable {
        package let parts: [Part]
        /// The halves of the rows stand in the other order: scale before shift.
        package var swapsHalves = false
        /// They do so where there are two parts of the width, and not where there are six.
        package var swapsWhereDouble = false
    }

    private static func stream(_ from: String, attention: [String], out: String, feedForward: String, norm: String)
        -> [String: [String]]
    {
        [
            from + "_attn_qkv": attention, from + "_attn_proj": [out], from + "_mlp_0": [feedForward + ".net.0.proj"],
            from + "_mlp_2": [feedForward + ".net.2"], from + "_mlp_fc1": [feedForward + ".net.0.proj"],
            from + "_mlp_fc2": [feedForward + ".net.2"], from + "_mod_lin": [norm + ".linear"],
            from + "_adaLN_modulation_1": [norm + ".linear"],
        ]
    }

    private static let image = ["attn.to_q", "attn.to_k", "attn.to_v"]
    private static let text = ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]
    private static let flux =
        stream("img", attention: image, out: "attn.to_out.0", feedForward: "ff", norm: "norm1").merging(
            stream("txt", attention: text, out: "attn.to_add_out", feedForward: "ff_context", norm: "norm1_context")
        ) { first, _ in first }
    private static let joint =
        stream("x_block", attention: image, out: "attn.to_out.0", feedForward: "ff", norm: "norm1").merging(
            stream(
                "context_block", attention: text, out: "attn.to_add_out", feedForward: "ff_context",
                norm: "norm1_context")
        ) { first, _ in first }.merging([
            "x_block_attn2_qkv": ["attn2.to_q", "attn2.to_k", "attn2.to_v"], "x_block_attn2_proj": ["attn2.to_out.0"],
        ]) { first, _ in first }
    private static let single: [String: Place] = [
        "linear1": Place(
            parts: image.map { Part(path: $0, share: 1) } + [Part(path: "proj_mlp", share: 4)]),
        "linear2": Place(parts: [Part(path: "proj_out", share: 1)]),
        "modulation_lin": Place(parts: [Part(path: "norm.linear", share: 1)]),
    ]
    private static let top = [
        "img_in": "x_embedder", "txt_in": "context_embedder", "final_layer_linear": "proj_out",
        "time_in_in_layer": "time_text_embed.timestep_embedder.linear_1",
        "time_in_out_layer": "time_text_embed.timestep_embedder.linear_2",
        "vector_in_in_layer": "time_text_embed.text_embedder.linear_1",
        "vector_in_out_layer": "time_text_embed.text_embedder.linear_2",
        "guidance_in_in_layer": "time_text_embed.guidance_embedder.linear_1",
        "guidance_in_out_layer": "time_text_embed.guidance_embedder.linear_2", "x_embedder_proj": "pos_embed.proj",
        "t_embedder_mlp_0": "time_text_embed.timestep_embedder.linear_1",
        "t_embedder_mlp_2": "time_text_embed.timestep_embedder.linear_2",
        "y_embedder_mlp_0": "time_text_embed.text_embedder.linear_1",
        "y_embedder_mlp_2": "time_text_embed.text_embedder.linear_2",
    ]

    /// - Parameter flat: the original path with underscores, such as `double_blocks_0_img_attn_qkv`.
    /// - Returns: nil for a name of none of the two.
    package static func place(of flat: String) -> Place? {
        if let path = top[flat] { return Place(parts: [Part(path: path, share: 1)]) }
        if flat == "final_layer_adaLN_modulation_1" {
            return Place(parts: [Part(path: "norm_out.linear", share: 1)], swapsHalves: true)
        }
        for (head, kind) in [("double_blocks_", 0), ("joint_blocks_", 1), ("single_blocks_", 2)] {
            guard flat.hasPrefix(head) else { continue }
            let rest = flat.dropFirst(head.count)
            let number = rest.prefix { $0.isNumber }
            guard !number.isEmpty, rest.dropFirst(number.count).first == "_" else { return nil }
            let leaf = String(rest.dropFirst(number.count + 1))
            let block = (kind == 2 ? "single_transformer_blocks." : "transformer_blocks.") + number + "."
            if kind == 2 {
                return single[leaf].map { place in
                    Place(parts: place.parts.map { Part(path: block + $0.path, share: $0.share) })
                }
            }
            guard let paths = (kind == 0 ? flux : joint)[leaf] else { return nil }
            return Place(
                parts: paths.map { Part(path: block + $0, share: 1) },
                swapsWhereDouble: leaf == "context_block_adaLN_modulation_1")
        }
        return nil
    }

    /// kohya's layer for a path of diffusers, and all parts of it, in their order.
    ///
    /// - Parameter isFlux: which of the two models' names.
    package static func original(_ path: String, isFlux: Bool) -> (flat: String, place: Place)? {
        let words = path.split(separator: ".").map(String.init)
        if words.count > 2, words[0].hasSuffix("transformer_blocks"), Int(words[1]) != nil {
            let leaf = words.dropFirst(2).joined(separator: ".")
            let isSingle = words[0] == "single_transformer_blocks"
            let leaves =
                isSingle
                ? single.mapValues { $0.parts.map(\.path) }
                : (isFlux ? flux : joint).filter { key, _ in
                    let isOfSD3 = key.contains("fc") || key.contains("adaLN")
                    return isFlux ? !isOfSD3 : isOfSD3 || key.contains("attn")
                }
            guard let found = leaves.first(where: { $0.value.contains(leaf) })?.key else { return nil }
            let head = isSingle ? "single_blocks_" : isFlux ? "double_blocks_" : "joint_blocks_"
            let flat = head + words[1] + "_" + found
            return place(of: flat).map { (flat, $0) }
        }
        if path == "norm_out.linear" {
            let flat = "final_layer_adaLN_modulation_1"
            return place(of: flat).map { (flat, $0) }
        }
        let names = top.filter { key, _ in
            let isOfFlux = key == "img_in" || key == "txt_in" || key.contains("_in_")
            return isOfFlux == isFlux || key == "final_layer_linear"
        }
        guard let flat = names.first(where: { $0.value == path })?.key else { return nil }
        return place(of: flat).map { (flat, $0) }
    }

    /// Whether a path is one of a rectified-flow transformer rather than of a U-Net.
    package static func isTransformer(path: String) -> Bool {
        let heads = [
            "transformer_blocks", "single_transformer_blocks", "x_embedder", "context_embedder", "time_text_embed",
            "time_guidance_embed", "norm_out", "pos_embed", "double_stream_modulation_img",
            "double_stream_modulation_txt", "single_stream_modulation",
        ]
        return path == "proj_out" || heads.contains { path == $0 || path.hasPrefix($0 + ".") }
    }
}
