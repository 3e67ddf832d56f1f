/// The sizes of a T5 encoder, from its `config.json`.
package struct T5Configuration: Equatable, Sendable {
    package enum Activation: String, CaseIterable, Sendable {
        case relu, gelu
        case gatedGELU = "gated-gelu"
        case gatedSiLU = "gated-silu"

        var isGated: Bool { self == .gatedGELU || self == .gatedSiLU }
    }

    package var vocabularySize = 32128
    package var width = 512
    package var headSize = 64
    package var heads = 8
    package var innerWidth = 2048
    package var layers = 6
    /// Distances between words are told apart in so many classes, up to a largest one.
    package var buckets = 32
    package var largestDistance = 128
    package var normEpsilon = 1e-6
    package var activation = Activation.relu
    package var endID = 1
    package var padID = 0

    package init() {}

    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("model_type", only: .text("t5"))
        vocabularySize = try reader.integer("vocab_size") ?? vocabularySize
        width = try reader.integer("d_model") ?? width
        headSize = try reader.integer("d_kv") ?? headSize
        heads = try reader.integer("num_heads") ?? heads
        innerWidth = try reader.integer("d_ff") ?? innerWidth
        layers = try reader.integer("num_layers") ?? layers
        buckets = try reader.integer("relative_attention_num_buckets") ?? buckets
        largestDistance = try reader.integer("relative_attention_max_distance") ?? largestDistance
        normEpsilon = try reader.number("layer_norm_epsilon") ?? normEpsilon
        endID = try reader.integer("eos_token_id") ?? endID
        padID = try reader.integer("pad_token_id") ?? padID
        if let name = try reader.text("feed_forward_proj") {
            guard let found = Activation(rawValue: name) else {
                throw reader.wrong(
                    "feed_forward_proj", wanted: Activation.allCases.map(\.rawValue).joined(separator: ", "))
            }
            activation = found
        }
        // The first two follow from feed_forward_proj; the rest is of the decoder, dropout and other tasks.
        reader.ignore(
            "is_gated_act", "dense_act_fn", "num_decoder_layers", "dropout_rate", "classifier_dropout", "use_cache",
            "n_positions", "output_past", "bos_token_id", "scale_decoder_outputs", "gradient_checkpointing")
        reader.ignoreNotes()
        try reader.finish()
        for (key, value, limit) in [
            ("vocab_size", vocabularySize, 16_777_216), ("d_model", width, 1_048_576), ("d_kv", headSize, 65536),
            ("num_heads", heads, 65536), ("d_ff", innerWidth, 1_048_576), ("num_layers", layers, 1024),
            ("relative_attention_max_distance", largestDistance, 1_048_576),
        ] {
            try reader.bound(key, value, 1...limit)
        }
        guard buckets >= 4, buckets % 4 == 0, buckets <= 65536, largestDistance > buckets / 4 else {
            throw reader.wrong(
                "relative_attention_num_buckets", wanted: "a multiple of 4, its quarter less than the largest distance")
        }
    }
    /// What `config.json` holds, so that transformers builds the same network.
    package var json: [String: JSONValue] {
        let numbers: [(String, Double)] = [
            ("vocab_size", Double(vocabularySize)), ("d_model", Double(width)), ("d_kv", Double(headSize)),
            ("num_heads", Double(heads)), ("d_ff", Double(innerWidth)), ("num_layers", Double(layers)),
            ("num_decoder_layers", Double(layers)), ("relative_attention_num_buckets", Double(buckets)),
            ("relative_attention_max_distance", Double(largestDistance)), ("layer_norm_epsilon", normEpsilon),
            ("eos_token_id", Double(endID)), ("pad_token_id", Double(padID)), ("dropout_rate", 0),
        ]
        var json = Dictionary(uniqueKeysWithValues: numbers.map { ($0.0, JSONValue.number($0.1)) })
        json["model_type"] = .text("t5")
        json["architectures"] = .texts(["T5EncoderModel"])
        json["feed_forward_proj"] = .text(activation.rawValue)
        json["is_encoder_decoder"] = .flag(false)
        json["tie_word_embeddings"] = .flag(false)
        return json
    }
}
