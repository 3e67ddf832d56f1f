/// The sizes of a `FluxTransformer2DModel` (Flux.1), from its `config.json`.
package struct FluxConfiguration: Equatable, Sendable {
    /// Channels of a token: latent channels times the 2 × 2 pixels packed into it.
    package var inChannels = 64
    package var outChannels = 64
    /// Blocks with a stream for the text and one for the image.
    package var layers = 19
    /// Blocks over both streams as one.
    package var singleLayers = 38
    package var headSize = 128
    package var heads = 24
    /// Width of the text encoder's states.
    package var contextWidth = 4096
    package var pooledWidth = 768
    package var guidance = false
    /// Channels of a head that each axis of the places turns.
    package var axes = [16, 56, 56]

    package init() {}

    package var width: Int { heads * headSize }

    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name", only: .text("FluxTransformer2DModel"))
        try reader.support("patch_size", only: .number(1))
        inChannels = try reader.integer("in_channels") ?? inChannels
        outChannels = try reader.integer("out_channels") ?? inChannels
        layers = try reader.integer("num_layers") ?? layers
        singleLayers = try reader.integer("num_single_layers") ?? singleLayers
        headSize = try reader.integer("attention_head_dim") ?? headSize
        heads = try reader.integer("num_attention_heads") ?? heads
        contextWidth = try reader.integer("joint_attention_dim") ?? contextWidth
        pooledWidth = try reader.integer("pooled_projection_dim") ?? pooledWidth
        guidance = try reader.flag("guidance_embeds") ?? false
        axes = try reader.integers("axes_dims_rope") ?? axes
        try reader.finish()
        for (key, value, limit) in [
            ("in_channels", inChannels, 65536), ("out_channels", outChannels, 65536),
            ("attention_head_dim", headSize, 4096), ("num_attention_heads", heads, 4096),
            ("joint_attention_dim", contextWidth, 1_048_576), ("pooled_projection_dim", pooledWidth, 1_048_576),
        ] {
            try reader.bound(key, value, 1...limit)
        }
        try reader.bound("num_layers", layers, 0...1024)
        try reader.bound("num_single_layers", singleLayers, 0...1024)
        try Self.check(axes, headSize, reader)
    }

    /// Axes that divide a head among them, in pairs of channels.
    static func check(_ axes: [Int], _ headSize: Int, _ reader: ConfigurationReader) throws {
        guard axes.reduce(0, +) == headSize, axes.allSatisfy({ $0 > 0 && $0 % 2 == 0 }) else {
            throw reader.wrong("axes_dims_rope", wanted: "even widths with the sum \(headSize), attention_head_dim")
        }
    }

    /// What `config.json` holds, so that diffusers builds the same network.
    package var json: [String: JSONValue] {
        [
            "_class_name": .text("FluxTransformer2DModel"), "_diffusers_version": .text("0.35.0"),
            "patch_size": .number(1), "in_channels": .number(Double(inChannels)),
            "out_channels": .number(Double(outChannels)), "num_layers": .number(Double(layers)),
            "num_single_layers": .number(Double(singleLayers)), "attention_head_dim": .number(Double(headSize)),
            "num_attention_heads": .number(Double(heads)), "joint_attention_dim": .number(Double(contextWidth)),
            "pooled_projection_dim": .number(Double(pooledWidth)), "guidance_embeds": .flag(guidance),
            "axes_dims_rope": .numbers(axes),
        ]
    }
}
