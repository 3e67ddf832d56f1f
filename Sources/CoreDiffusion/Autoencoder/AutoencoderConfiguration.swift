/// The sizes of an `AutoencoderKL`, from its `config.json`.
package struct AutoencoderConfiguration: Equatable, Sendable {
    package var inChannels = 3
    package var outChannels = 3
    package var blockOutChannels: [Int]
    package var layersPerBlock: Int
    package var latentChannels: Int
    package var normGroups: Int
    package var sampleSize: Int?
    /// What latents are multiplied with for the U-Net, so that their deviation is 1.
    package var scalingFactor = 0.18215
    /// What is subtracted from latents before scaling.
    package var shiftFactor: Double?
    package var quantConvolution = true
    package var postQuantConvolution = true
    package var middleAttention = true

    package init(
        blockOutChannels: [Int], layersPerBlock: Int = 2, latentChannels: Int = 4, normGroups: Int = 32,
        sampleSize: Int? = nil
    ) {
        precondition(!blockOutChannels.isEmpty, "an autoencoder has at least one level")
        self.blockOutChannels = blockOutChannels
        self.layersPerBlock = layersPerBlock
        self.latentChannels = latentChannels
        self.normGroups = normGroups
        self.sampleSize = sampleSize
    }

    /// Image pixels for each latent pixel, along one side.
    package var reduction: Int { 1 << (blockOutChannels.count - 1) }

    /// Reads diffusers' `config.json`.
    ///
    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name", only: .text("AutoencoderKL"))
        try reader.support("model_type")
        let channels = try reader.integers("block_out_channels") ?? [64]
        let levels = channels.count
        guard (1...16).contains(levels), channels.allSatisfy({ (1...65536).contains($0) }) else {
            throw reader.wrong("block_out_channels", wanted: "1 to 16 widths from 1 to 65536")
        }
        self.init(
            blockOutChannels: channels, layersPerBlock: try reader.integer("layers_per_block") ?? 1,
            latentChannels: try reader.integer("latent_channels") ?? 4,
            normGroups: try reader.integer("norm_num_groups") ?? 32,
            sampleSize: try reader.integers("sample_size")?.first)
        inChannels = try reader.integer("in_channels") ?? 3
        outChannels = try reader.integer("out_channels") ?? 3
        scalingFactor = try reader.number("scaling_factor") ?? 0.18215
        shiftFactor = try reader.number("shift_factor")
        quantConvolution = try reader.flag("use_quant_conv") ?? true
        postQuantConvolution = try reader.flag("use_post_quant_conv") ?? true
        middleAttention = try reader.flag("mid_block_add_attention") ?? true
        for (key, type) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let types = try reader.texts(key) ?? [type]
            guard types == Array(repeating: type, count: levels) else {
                throw reader.wrong(key, wanted: "\(levels) times \(type)")
            }
        }
        try reader.support("act_fn", only: .text("silu"), .text("swish"))
        try reader.support("latents_mean")
        try reader.support("latents_std")
        // Only says in which precision others should run it.
        reader.ignore("force_upcast")
        try reader.finish()
        guard normGroups > 0, channels.allSatisfy({ $0 % normGroups == 0 }) else {
            throw reader.wrong("norm_num_groups", wanted: "a divisor of every width in \(channels)")
        }
        try reader.bound("layers_per_block", layersPerBlock, 1...64)
        try reader.bound("latent_channels", latentChannels, 1...4096)
        try reader.bound("in_channels", inChannels, 1...4096)
        try reader.bound("out_channels", outChannels, 1...4096)
        guard scalingFactor != 0 else { throw reader.wrong("scaling_factor", wanted: "a number other than 0") }
    }

    /// What `config.json` holds, so that diffusers builds the same network.
    package var json: [String: JSONValue] {
        let levels = blockOutChannels.count
        return [
            "_class_name": .text("AutoencoderKL"), "_diffusers_version": .text("0.35.0"),
            "in_channels": .number(Double(inChannels)), "out_channels": .number(Double(outChannels)),
            "block_out_channels": .numbers(blockOutChannels), "layers_per_block": .number(Double(layersPerBlock)),
            "latent_channels": .number(Double(latentChannels)), "norm_num_groups": .number(Double(normGroups)),
            "sample_size": sampleSize.map { .number(Double($0)) } ?? .null, "act_fn": .text("silu"),
            "down_block_types": .texts(Array(repeating: "DownEncoderBlock2D", count: levels)),
            "up_block_types": .texts(Array(repeating: "UpDecoderBlock2D", count: levels)),
            "scaling_factor": .number(scalingFactor), "shift_factor": shiftFactor.map { .number($0) } ?? .null,
            "use_quant_conv": .flag(quantConvolution), "use_post_quant_conv": .flag(postQuantConvolution),
            "mid_block_add_attention": .flag(middleAttention), "force_upcast": .flag(true),
        ]
    }
}
