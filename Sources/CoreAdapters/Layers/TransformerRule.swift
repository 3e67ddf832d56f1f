package import RunSpec

/// What a rule that is written in a U-Net's classes selects in the transformer of a rectified flow: the
/// blocks in place of `Transformer2DModel`, every attention of them in place of `Attention` within it, and
/// nothing in place of convolutions.
package enum TransformerRule {
    private static let blocks = [
        "FluxTransformerBlock", "FluxSingleTransformerBlock", "JointTransformerBlock", "Flux2TransformerBlock",
        "Flux2SingleTransformerBlock",
    ]
    private static let attentions = ["FluxAttention", "Attention", "Flux2Attention", "Flux2ParallelSelfAttention"]
    /// A glob is held against the whole path: single blocks have a layer of that name too.
    private static let outermost = "proj_ou?"
    /// What stands around the blocks, in place of a U-Net's first and last convolution and time embedding.
    private static let ends = [
        "conv_in": ["x_embedder", "context_embedder", "pos_embed.proj"], "conv_out": ["norm_out.linear", outermost],
        "time_embedding.linear_1": [
            "timestep_embedder.linear_1", "guidance_embedder.linear_1", "text_embedder.linear_1",
        ],
        "time_embedding.linear_2": [
            "timestep_embedder.linear_2", "guidance_embedder.linear_2", "text_embedder.linear_2",
        ],
    ]

    package static func of(_ rule: LayerRule) -> LayerRule {
        let isWithin = rule.within == "Transformer2DModel"
        let classes = rule.classes.flatMap { name -> [String] in
            switch name {
            case "Attention" where isWithin: attentions
            case "Transformer2DModel": blocks
            default: [name]
            }
        }
        return LayerRule(
            classes: classes, names: rule.names.flatMap { ends[$0] ?? [$0] }, exclude: rule.exclude,
            within: isWithin ? nil : rule.within)
    }
}
