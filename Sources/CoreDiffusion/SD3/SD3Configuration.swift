/// The sizes of an `SD3Transformer2DModel`, from its `config.json`.
package struct SD3Configuration: Equatable, Sendable {
    package var sampleSize = 128
    package var patchSize = 2
    package var inChannels = 16
    package var outChannels = 16
    package var layers = 18
    package var headSize = 64
    package var heads = 18
    /// Width of the text states.
    package var contextWidth = 4096
    package var pooledWidth = 2048
    /// Side of the stored table of places, in patches.
    package var placesSide = 96
    /// Blocks with a second attention over the image alone (SD 3.5 medium).
    package var dualLayers: [Int] = []
    /// Norms of queries and keys (SD 3.5).
    package var norms = false

    package init() {}

    package var width: Int { heads * headSize }

    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name", only: .text("SD3Transformer2DModel"))
        sampleSize = try reader.integer("sample_size") ?? sampleSize
        patchSize = try reader.integer("patch_size") ?? patchSize
        inChannels = try reader.integer("in_channels") ?? inChannels
        layers = try reader.integer("num_layers") ?? layers
        headSize = try reader.integer("attention_head_dim") ?? headSize
        heads = try reader.integer("num_attention_heads") ?? heads
        contextWidth = try reader.integer("joint_attention_dim") ?? contextWidth
        pooledWidth = try reader.integer("pooled_projection_dim") ?? pooledWidth
        outChannels = reader.isNull("out_channels") ? inChannels : try reader.integer("out_channels") ?? outChannels
        placesSide = try reader.integer("pos_embed_max_size") ?? placesSide
        dualLayers = try reader.integers("dual_attention_layers") ?? []
        try reader.support("qk_norm", only: .text("rms_norm"))
        norms = try reader.text("qk_norm") != nil
        let captions = try reader.integer("caption_projection_dim") ?? 1152
        try reader.finish()
        for (key, value, limit) in [
            ("sample_size", sampleSize, 65536), ("patch_size", patchSize, 64), ("in_channels", inChannels, 4096),
            ("out_channels", outChannels, 4096), ("num_layers", layers, 1024), ("attention_head_dim", headSize, 4096),
            ("num_attention_heads", heads, 4096), ("joint_attention_dim", contextWidth, 1_048_576),
            ("pooled_projection_dim", pooledWidth, 1_048_576), ("pos_embed_max_size", placesSide, 4096),
        ] {
            try reader.bound(key, value, 1...limit)
        }
        guard captions == width else {
            throw reader.wrong("caption_projection_dim", wanted: "\(width), num_attention_heads × attention_head_dim")
        }
        guard width % 4 == 0 else {
            throw reader.wrong("attention_head_dim", wanted: "a width that can be divided by 4")
        }
    }

    /// What `config.json` holds, so that diffusers builds the same network.
    package var json: [String: JSONValue] {
        [
            "_class_name": .text("SD3Transformer2DModel"), "_diffusers_version": .text("0.35.0"),
            "sample_size": .number(Double(sampleSize)), "patch_size": .number(Double(patchSize)),
            "in_channels": .number(Double(inChannels)), "out_channels": .number(Double(outChannels)),
            "num_layers": .number(Double(layers)), "attention_head_dim": .number(Double(headSize)),
            "num_attention_heads": .number(Double(heads)), "joint_attention_dim": .number(Double(contextWidth)),
            "caption_projection_dim": .number(Double(width)), "pooled_projection_dim": .number(Double(pooledWidth)),
            "pos_embed_max_size": .number(Double(placesSide)), "dual_attention_layers": .numbers(dualLayers),
            "qk_norm": norms ? .text("rms_norm") : .null,
        ]
    }
}
