extension UNetConfiguration {
    /// Reads diffusers' `config.json`; absent keys have diffusers' defaults.
    ///
    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        try self.init(ConfigurationReader(path: path))
    }

    /// - Throws: `DiffusionError` for a configuration that this module does not know.
    package init(_ source: ConfigurationReader) throws {
        var reader = source
        try reader.support("_class_name", only: .text("UNet2DConditionModel"))
        try reader.support("model_type")
        let channels = try reader.integers("block_out_channels") ?? [320, 640, 1280, 1280]
        let levels = channels.count
        guard (1...16).contains(levels), channels.allSatisfy({ $0 > 0 }) else {
            throw reader.wrong("block_out_channels", wanted: "1 to 16 positive widths")
        }
        self.init(blockOutChannels: channels, crossAttentionWidth: 1280)
        sampleSize = try reader.integers("sample_size")?.first
        inChannels = try reader.integer("in_channels") ?? 4
        outChannels = try reader.integer("out_channels") ?? 4
        downAttention = try Self.attention(&reader, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", levels)
        upAttention = try Self.attention(&reader, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", levels)
        try reader.support("mid_block_type", only: .text("UNetMidBlock2DCrossAttn"))
        middle = !reader.isNull("mid_block_type")
        layersPerBlock = try reader.integers("layers_per_block", levels: levels) ?? layersPerBlock
        heads = try reader.integers("attention_head_dim", levels: levels) ?? heads
        crossAttentionWidth = try reader.integers("cross_attention_dim", levels: levels) ?? crossAttentionWidth
        transformerLayers = try reader.integers("transformer_layers_per_block", levels: levels) ?? transformerLayers
        useLinearProjection = try reader.flag("use_linear_projection") ?? false
        normGroups = try reader.integer("norm_num_groups") ?? 32
        normEpsilon = try reader.number("norm_eps") ?? 1e-5
        flipSineToCosine = try reader.flag("flip_sin_to_cos") ?? true
        frequencyShift = try reader.number("freq_shift") ?? 0
        addition = try Self.addition(&reader)
        try Self.refuseUnsupported(&reader)
        try reader.finish()
        try check(reader)
    }

    /// What `config.json` holds, so that diffusers builds the same network.
    package var json: [String: JSONValue] {
        [
            "_class_name": .text("UNet2DConditionModel"), "_diffusers_version": .text("0.35.0"),
            "sample_size": sampleSize.map { .number(Double($0)) } ?? .null,
            "in_channels": .number(Double(inChannels)), "out_channels": .number(Double(outChannels)),
            "block_out_channels": .numbers(blockOutChannels),
            "down_block_types": .texts(downAttention.map { $0 ? "CrossAttnDownBlock2D" : "DownBlock2D" }),
            "up_block_types": .texts(upAttention.map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" }),
            "mid_block_type": middle ? .text("UNetMidBlock2DCrossAttn") : .null,
            "layers_per_block": Self.compact(layersPerBlock),
            "attention_head_dim": Self.compact(heads),
            "cross_attention_dim": Self.compact(crossAttentionWidth),
            "transformer_layers_per_block": Self.compact(transformerLayers),
            "use_linear_projection": .flag(useLinearProjection),
            "norm_num_groups": .number(Double(normGroups)), "norm_eps": .number(normEpsilon),
            "flip_sin_to_cos": .flag(flipSineToCosine), "freq_shift": .number(frequencyShift),
            "act_fn": .text("silu"), "downsample_padding": .number(1), "mid_block_scale_factor": .number(1),
            "addition_embed_type": addition == nil ? .null : .text("text_time"),
            "addition_time_embed_dim": addition.map { .number(Double($0.timeWidth)) } ?? .null,
            "projection_class_embeddings_input_dim": addition.map { .number(Double($0.inputWidth)) } ?? .null,
        ]
    }

    /// One number where all levels agree, as most published files have it.
    private static func compact(_ values: [Int]) -> JSONValue {
        Set(values).count == 1 ? .number(Double(values[0])) : .numbers(values)
    }

    private static func attention(
        _ reader: inout ConfigurationReader, _ key: String, _ plain: String, _ crossed: String, _ levels: Int
    ) throws -> [Bool] {
        let down = key == "down_block_types"
        // diffusers' defaults are Stable Diffusion 1.5's four levels.
        let standard = down ? [crossed, crossed, crossed, plain] : [plain, crossed, crossed, crossed]
        let types = try reader.texts(key) ?? standard
        guard types.count == levels else { throw reader.wrong(key, wanted: "\(levels) block types") }
        return try types.map { type in
            guard type == plain || type == crossed else {
                throw DiffusionError(
                    code: .unsupportedConfiguration,
                    message: "\(key): \(type) is not supported; supported: \(plain), \(crossed)")
            }
            return type == crossed
        }
    }

    private static func addition(_ reader: inout ConfigurationReader) throws -> Addition? {
        try reader.support("addition_embed_type", only: .text("text_time"))
        let kind = try reader.text("addition_embed_type")
        let timeWidth = try reader.integer("addition_time_embed_dim")
        let inputWidth = try reader.integer("projection_class_embeddings_input_dim")
        guard kind != nil else { return nil }
        guard let timeWidth, (1...65536).contains(timeWidth) else {
            throw reader.wrong("addition_time_embed_dim", wanted: "a width")
        }
        guard let inputWidth, (6 * timeWidth + 1...1_048_576).contains(inputWidth) else {
            throw reader.wrong(
                "projection_class_embeddings_input_dim", wanted: "more than six times addition_time_embed_dim")
        }
        return Addition(timeWidth: timeWidth, inputWidth: inputWidth)
    }

    private static func refuseUnsupported(_ reader: inout ConfigurationReader) throws {
        let off = [
            "center_input_sample", "only_cross_attention", "dual_cross_attention", "resnet_skip_time_act",
            "class_embeddings_concat", "mid_block_only_cross_attention",
        ]
        for key in off { try reader.support(key, only: .flag(false)) }
        let absent = [
            "reverse_transformer_layers_per_block", "encoder_hid_dim", "encoder_hid_dim_type", "num_attention_heads",
            "class_embed_type", "num_class_embeds", "time_embedding_dim", "time_embedding_act_fn", "timestep_post_act",
            "time_cond_proj_dim", "cross_attention_norm",
        ]
        for key in absent { try reader.support(key) }
        try reader.support("downsample_padding", only: .number(1))
        try reader.support("mid_block_scale_factor", only: .number(1))
        try reader.support("dropout", only: .number(0))
        try reader.support("act_fn", only: .text("silu"), .text("swish"))
        try reader.support("resnet_time_scale_shift", only: .text("default"))
        try reader.support("resnet_out_scale_factor", only: .number(1))
        try reader.support("time_embedding_type", only: .text("positional"))
        try reader.support("conv_in_kernel", only: .number(3))
        try reader.support("conv_out_kernel", only: .number(3))
        try reader.support("attention_type", only: .text("default"))
        // Attention is always computed in f32 here; the heads belong to another kind of addition embedding.
        reader.ignore("upcast_attention", "addition_embed_type_num_heads")
    }

    /// Sizes that fit together, so that building the network cannot trap.
    private func check(_ reader: ConfigurationReader) throws {
        try reader.bound("in_channels", inChannels, 1...4096)
        try reader.bound("out_channels", outChannels, 1...4096)
        try reader.bound("block_out_channels", blockOutChannels.max() ?? 0, 1...65536)
        try reader.bound("layers_per_block", layersPerBlock.max() ?? 0, 1...64)
        try reader.bound("transformer_layers_per_block", transformerLayers.max() ?? 0, 1...256)
        try reader.bound("cross_attention_dim", crossAttentionWidth.max() ?? 0, 1...65536)
        guard normGroups > 0, blockOutChannels.allSatisfy({ $0 % normGroups == 0 }) else {
            throw reader.wrong("norm_num_groups", wanted: "a divisor of every width in \(blockOutChannels)")
        }
        guard layersPerBlock.allSatisfy({ $0 > 0 }) else {
            throw reader.wrong("layers_per_block", wanted: "at least 1")
        }
        guard transformerLayers.allSatisfy({ $0 > 0 }) else {
            throw reader.wrong("transformer_layers_per_block", wanted: "at least 1")
        }
        guard crossAttentionWidth.allSatisfy({ $0 > 0 }) else {
            throw reader.wrong("cross_attention_dim", wanted: "a positive width")
        }
        guard zip(blockOutChannels, heads).allSatisfy({ $1 > 0 && $0 % $1 == 0 }) else {
            throw reader.wrong("attention_head_dim", wanted: "numbers of heads that divide \(blockOutChannels)")
        }
        guard blockOutChannels[0] % 2 == 0 else {
            throw reader.wrong("block_out_channels", wanted: "an even first width")
        }
    }
}
