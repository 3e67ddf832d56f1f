/// The sizes of a DINOv2 image encoder, from its `config.json`.
package struct Dinov2Configuration: Equatable, Sendable {
    package var width: Int
    package var layers: Int
    package var heads: Int
    /// Width of the feed-forward part over the model's width.
    package var mlpRatio: Int
    package var normEpsilon: Double
    /// Side of the images that the position vectors were learnt for.
    package var imageSize: Int
    package var patchSize: Int
    package var channels: Int
    package var hasBias: Bool
    /// Gated feed-forward, in the largest model.
    package var usesSwiGLU: Bool
    package var hasMaskToken: Bool

    /// - Throws: `DiffusionError` for a file that is missing or no JSON, or a configuration that this module
    ///   does not know.
    package init(path: String) throws {
        try self.init(ConfigurationReader(path: path))
    }

    /// - Throws: `DiffusionError` for a configuration that this module does not know.
    package init(_ source: ConfigurationReader) throws {
        var reader = source
        try reader.support("_class_name")
        try reader.support("model_type", only: .text("dinov2"))
        width = try reader.integer("hidden_size") ?? 768
        layers = try reader.integer("num_hidden_layers") ?? 12
        heads = try reader.integer("num_attention_heads") ?? 12
        mlpRatio = try reader.integer("mlp_ratio") ?? 4
        normEpsilon = try reader.number("layer_norm_eps") ?? 1e-6
        imageSize = try Self.side(&reader, "image_size") ?? 224
        patchSize = try Self.side(&reader, "patch_size") ?? 14
        channels = try reader.integer("num_channels") ?? 3
        hasBias = try reader.flag("qkv_bias") ?? true
        usesSwiGLU = try reader.flag("use_swiglu_ffn") ?? false
        hasMaskToken = try reader.flag("use_mask_token") ?? true
        try reader.support("hidden_act", only: .text("gelu"))
        for key in ["hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate"] {
            try reader.support(key, only: .number(0))
        }
        // Starting values, and how others cut the model into stages.
        reader.ignore(
            "layerscale_value", "apply_layernorm", "reshape_hidden_states", "out_features", "out_indices", "stage_names"
        )
        reader.ignoreNotes()
        try reader.finish()
        try check(reader)
    }

    /// Patches along one side of the images that the position vectors were learnt for.
    package var grid: Int { imageSize / patchSize }

    /// Width between the two layers of the feed-forward part.
    package var intermediateWidth: Int {
        let full = width * mlpRatio
        return usesSwiGLU ? (full * 2 / 3 + 7) / 8 * 8 : full
    }

    private static func side(_ reader: inout ConfigurationReader, _ key: String) throws -> Int? {
        guard let sides = try reader.integers(key) else { return nil }
        guard let first = sides.first, Set(sides).count == 1 else { throw reader.wrong(key, wanted: "one side") }
        return first
    }

    private func check(_ reader: ConfigurationReader) throws {
        try reader.bound("hidden_size", width, 1...16384)
        try reader.bound("num_hidden_layers", layers, 1...256)
        try reader.bound("mlp_ratio", mlpRatio, 1...64)
        try reader.bound("num_channels", channels, 1...64)
        try reader.bound("image_size", imageSize, 1...8192)
        try reader.bound("patch_size", patchSize, 1...imageSize)
        guard heads > 0, width % heads == 0 else {
            throw reader.wrong("num_attention_heads", wanted: "a divisor of \(width)")
        }
    }
}
