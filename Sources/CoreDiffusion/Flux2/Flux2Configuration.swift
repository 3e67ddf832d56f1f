/// The sizes of a `Flux2Transformer2DModel`, from its `config.json`.
package struct Flux2Configuration: Equatable, Sendable {
    package var inChannels = 128
    package var outChannels = 128
    package var layers = 8
    package var singleLayers = 48
    package var headSize = 128
    package var heads = 48
    package var contextWidth = 15360
    /// Width of the sinusoid of time and guidance.
    package var timeWidth = 256
    /// Width of the feed-forward part.
    package var feedForwardWidth = 18432
    package var guidance = true
    package var axes = [32, 32, 32, 32]
    package var theta = 2000.0
    package var epsilon = 1e-6

    package init() {}

    package var width: Int { heads * headSize }

    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name", only: .text("Flux2Transformer2DModel"))
        try reader.support("patch_size", only: .number(1))
        inChannels = try reader.integer("in_channels") ?? inChannels
        outChannels = try reader.integer("out_channels") ?? inChannels
        layers = try reader.integer("num_layers") ?? layers
        singleLayers = try reader.integer("num_single_layers") ?? singleLayers
        headSize = try reader.integer("attention_head_dim") ?? headSize
        heads = try reader.integer("num_attention_heads") ?? heads
        contextWidth = try reader.integer("joint_attention_dim") ?? contextWidth
        timeWidth = try reader.integer("timestep_guidance_channels") ?? timeWidth
        let ratio = try reader.number("mlp_ratio") ?? 3
        guidance = try reader.flag("guidance_embeds") ?? true
        axes = try reader.integers("axes_dims_rope") ?? axes
        theta = try reader.number("rope_theta") ?? theta
        epsilon = try reader.number("eps") ?? epsilon
        try reader.finish()
        for (key, value, limit) in [
            ("in_channels", inChannels, 65536), ("out_channels", outChannels, 65536),
            ("attention_head_dim", headSize, 4096), ("num_attention_heads", heads, 4096),
            ("joint_attention_dim", contextWidth, 1_048_576), ("timestep_guidance_channels", timeWidth, 65536),
        ] {
            try reader.bound(key, value, 1...limit)
        }
        try reader.bound("num_layers", layers, 0...1024)
        try reader.bound("num_single_layers", singleLayers, 0...1024)
        guard ratio > 0, ratio < 1024, theta > 0, theta.isFinite else {
            throw reader.wrong("mlp_ratio", wanted: "a ratio above 0, and rope_theta above 0")
        }
        feedForwardWidth = Int(Double(width) * ratio)
        guard feedForwardWidth > 0 else { throw reader.wrong("mlp_ratio", wanted: "a larger ratio") }
        try FluxConfiguration.check(axes, headSize, reader)
    }
}
