/// The sizes of a pair of encoders that OpenCLIP wrote, from its `open_clip_config.json`.
package struct OpenCLIPConfiguration {
    package struct Preprocessing: Equatable, Sendable {
        package let mean: [Double]
        package let deviation: [Double]
    }

    static let name = "open_clip_config.json"

    package let clip: CLIPConfiguration
    /// nil where the file does not say it.
    package let preprocessing: Preprocessing?

    /// - Throws: `DiffusionError` for a file that is missing or no JSON, or a network of another kind.
    package init(path: String) throws {
        var file = try ConfigurationReader(path: path)
        var model = ConfigurationReader(try file.object("model_cfg") ?? [:], label: "\(path): model_cfg")
        let projection = try model.integer("embed_dim") ?? 512
        // Absent means exact gelu here, other than in transformers' files.
        let activation: CLIPLayerSizes.HiddenActivation = try model.flag("quick_gelu") == true ? .quickGelu : .gelu
        let vision = try Self.vision(&model, activation, path)
        let text = try Self.text(&model, activation, projection, path)
        model.ignore("custom_text", "init_logit_scale", "output_dict", "cast_dtype")
        try model.support("init_logit_bias")
        try model.finish()
        try model.bound("embed_dim", projection, 1...65536)
        clip = CLIPConfiguration(text: text, vision: vision, projectionWidth: projection)
        preprocessing = try Self.preprocessing(&file, path)
    }

    private static func vision(
        _ model: inout ConfigurationReader, _ activation: CLIPLayerSizes.HiddenActivation, _ path: String
    ) throws -> CLIPVisionConfiguration {
        var reader = ConfigurationReader(
            try model.object("vision_cfg") ?? [:], label: "\(path): model_cfg.vision_cfg")
        let width = try reader.integer("width") ?? 768
        let headWidth = try reader.integer("head_width") ?? 64
        try reader.bound("width", width, 1...65536)
        try reader.bound("head_width", headWidth, 1...width)
        let sizes = try sizes(
            &reader, width: width, heads: width / headWidth, defaultLayers: 12, activation: activation)
        let imageSize = try side(&reader, "image_size") ?? 224
        let patchSize = try side(&reader, "patch_size") ?? 16
        try reader.bound("image_size", imageSize, 1...8192)
        try reader.bound("patch_size", patchSize, 1...imageSize)
        try reader.support("pool_type", only: .text("tok"))
        for key in ["no_ln_pre", "final_ln_after_pool", "attentional_pool", "output_tokens"] {
            try reader.support(key, only: .flag(false))
        }
        try reader.support("patch_dropout", only: .number(0))
        try reader.support("pos_embed_type", only: .text("learnable"))
        try reader.finish()
        return CLIPVisionConfiguration(sizes: sizes, imageSize: imageSize, patchSize: patchSize)
    }

    private static func text(
        _ model: inout ConfigurationReader, _ activation: CLIPLayerSizes.HiddenActivation, _ projection: Int,
        _ path: String
    ) throws -> CLIPTextConfiguration {
        var reader = ConfigurationReader(try model.object("text_cfg") ?? [:], label: "\(path): model_cfg.text_cfg")
        let width = try reader.integer("width") ?? 512
        let heads = try reader.integer("heads") ?? 8
        try reader.bound("width", width, 1...65536)
        try reader.bound("heads", heads, 1...width)
        let sizes = try sizes(&reader, width: width, heads: heads, defaultLayers: 12, activation: activation)
        let vocabulary = try reader.integer("vocab_size") ?? 49408
        let positions = try reader.integer("context_length") ?? 77
        try reader.bound("vocab_size", vocabulary, 1...16_777_216)
        try reader.bound("context_length", positions, 1...1_048_576)
        try reader.support("pool_type", only: .text("argmax"))
        for key in ["no_causal_mask", "embed_cls", "output_tokens", "proj_bias"] {
            try reader.support(key, only: .flag(false))
        }
        try reader.support("proj_type", only: .text("linear"))
        reader.ignore("pad_id", "hf_tokenizer_name", "tokenizer_kwargs")
        try reader.finish()
        // The state at the largest id is the pooled one, as 2 means in old configurations of transformers.
        return CLIPTextConfiguration(
            vocabularySize: vocabulary, sizes: sizes, positions: positions, projectionWidth: projection,
            startID: Int32(clamping: vocabulary - 2), endID: 2, padID: 0)
    }

    private static func sizes(
        _ reader: inout ConfigurationReader, width: Int, heads: Int, defaultLayers: Int,
        activation: CLIPLayerSizes.HiddenActivation
    ) throws -> CLIPLayerSizes {
        let layers = try reader.integer("layers") ?? defaultLayers
        let ratio = try reader.number("mlp_ratio") ?? 4
        try reader.bound("layers", layers, 1...1024)
        guard heads > 0, width % heads == 0 else { throw reader.wrong("width", wanted: "a multiple of \(heads) heads") }
        guard ratio > 0, ratio <= 64 else { throw reader.wrong("mlp_ratio", wanted: "up to 64") }
        try reader.support("ls_init_value")
        reader.ignore("norm_kwargs", "act_kwargs")
        return CLIPLayerSizes(
            width: width, intermediateWidth: Int(Double(width) * ratio), layers: layers, heads: heads,
            activation: activation)
    }

    private static func side(_ reader: inout ConfigurationReader, _ key: String) throws -> Int? {
        guard let sides = try reader.integers(key) else { return nil }
        guard let first = sides.first, Set(sides).count == 1 else { throw reader.wrong(key, wanted: "one side") }
        return first
    }

    private static func preprocessing(
        _ file: inout ConfigurationReader, _ path: String
    ) throws -> Preprocessing? {
        guard let values = try file.object("preprocess_cfg") else { return nil }
        var reader = ConfigurationReader(values, label: "\(path): preprocess_cfg")
        try reader.support("interpolation", only: .text("bicubic"))
        try reader.support("resize_mode", only: .text("shortest"))
        guard let mean = try reader.numbers("mean"), let deviation = try reader.numbers("std") else { return nil }
        guard mean.count == 3, deviation.count == 3, deviation.allSatisfy({ $0 > 0 }) else {
            throw reader.wrong("std", wanted: "three values of mean and std each, std above 0")
        }
        return Preprocessing(mean: mean, deviation: deviation)
    }
}
