/// Takes values out of a configuration file and keeps account: what nobody asked for is refused by name at
/// the end.
package struct ConfigurationReader {
    private let label: String
    private let values: [String: JSONValue]
    private var seen: Set<String> = []

    /// - Parameter label: names the file in messages.
    package init(_ values: [String: JSONValue], label: String) {
        self.values = values
        self.label = label
    }

    /// Reads a JSON file.
    ///
    /// - Throws: `DiffusionError` for a file that is missing or no JSON object.
    package init(path: String) throws {
        self.init(try JSONValue.object(path: path), label: path)
    }

    /// The value; nil if absent or null.
    package mutating func value(_ key: String) -> JSONValue? {
        seen.insert(key)
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    /// True if the key is there with the value null, which for some keys differs from being absent.
    package func isNull(_ key: String) -> Bool { values[key] == .null }

    /// A number; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func number(_ key: String) throws -> Double? {
        guard let value = value(key) else { return nil }
        guard case .number(let number) = value else { throw wrong(key, wanted: "a number") }
        return number
    }

    /// A whole number; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func integer(_ key: String) throws -> Int? {
        guard let number = try number(key) else { return nil }
        guard let integer = Int(exactly: number) else { throw wrong(key, wanted: "a whole number") }
        return integer
    }

    /// True or false; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func flag(_ key: String) throws -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .flag(let flag) = value else { throw wrong(key, wanted: "true or false") }
        return flag
    }

    /// A text; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func text(_ key: String) throws -> String? {
        guard let value = value(key) else { return nil }
        guard case .text(let text) = value else { throw wrong(key, wanted: "a text") }
        return text
    }

    /// A list of texts; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func texts(_ key: String) throws -> [String]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value else { throw wrong(key, wanted: "a list of texts") }
        return try list.map {
            guard case .text(let text) = $0 else { throw wrong(key, wanted: "a list of texts") }
            return text
        }
    }

    /// A whole number for every level, or one list of them.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func integers(_ key: String, levels: Int? = nil) throws -> [Int]? {
        guard let value = value(key) else { return nil }
        let list: [JSONValue]
        switch value {
        case .number: list = Array(repeating: value, count: levels ?? 1)
        case .list(let elements): list = elements
        default: throw wrong(key, wanted: "a whole number or a list of them")
        }
        let integers = try list.map { element -> Int in
            guard case .number(let number) = element, let integer = Int(exactly: number) else {
                throw wrong(key, wanted: "whole numbers")
            }
            return integer
        }
        guard levels == nil || integers.count == levels else { throw wrong(key, wanted: "\(levels ?? 0) values") }
        return integers
    }

    /// A list of numbers; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func numbers(_ key: String) throws -> [Double]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value else { throw wrong(key, wanted: "a list of numbers") }
        return try list.map {
            guard case .number(let number) = $0 else { throw wrong(key, wanted: "a list of numbers") }
            return number
        }
    }

    /// A map; nil if absent or null.
    ///
    /// - Throws: `DiffusionError` for a value of another type.
    package mutating func object(_ key: String) throws -> [String: JSONValue]? {
        guard let value = value(key) else { return nil }
        guard case .object(let object) = value else { throw wrong(key, wanted: "an object") }
        return object
    }

    /// Refuses a key that asks for something not implemented; absent and null are fine.
    ///
    /// - Throws: `DiffusionError` for any other value.
    package mutating func support(_ key: String, only allowed: JSONValue...) throws {
        guard let value = value(key), !allowed.contains(value) else { return }
        throw DiffusionError(
            code: .unsupportedConfiguration,
            message: "\(label): \(key) = \(Self.show(value)) is not supported"
                + (allowed.isEmpty ? "" : "; supported: " + allowed.map(Self.show).joined(separator: ", ")))
    }

    /// Accepts keys that do not change what is computed.
    package mutating func ignore(_ keys: String...) {
        seen.formUnion(keys)
    }

    /// Accepts what transformers writes into every configuration about generation, training and itself.
    package mutating func ignoreNotes() {
        seen.formUnion(Self.notes)
    }

    /// Refuses a number outside what any network has, before memory is asked for.
    ///
    /// - Throws: `DiffusionError` that names the key and the range.
    package func bound(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw wrong(key, wanted: "\(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// Refuses every key that nothing has asked for; names that start with `_` are the writing library's
    /// notes.
    ///
    /// - Throws: `DiffusionError` that names the keys nobody read.
    package func finish() throws {
        let unknown = values.keys.filter { !seen.contains($0) && !$0.hasPrefix("_") && values[$0] != .null }.sorted()
        guard unknown.isEmpty else {
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(label): unknown keys: \(unknown.joined(separator: ", "))")
        }
    }

    /// The error for a value of the wrong kind or size.
    package func wrong(_ key: String, wanted: String) -> DiffusionError {
        let found = values[key].map(Self.show) ?? "nothing"
        return DiffusionError(code: .invalidConfiguration, message: "\(label): \(key) = \(found), wanted \(wanted)")
    }

    /// None of these changes what an encoder computes.
    private static let notes: Set<String> = [
        "add_cross_attention", "architectures", "attn_implementation", "bad_words_ids", "begin_suppress_tokens",
        "chunk_size_feed_forward", "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty",
        "do_sample", "dtype", "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty",
        "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "id2label", "initializer_factor",
        "initializer_range", "is_decoder", "is_encoder_decoder", "label2id", "length_penalty", "max_length",
        "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
        "output_attentions", "output_hidden_states", "output_scores", "prefix", "problem_type", "pruned_heads",
        "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id",
        "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder",
        "tie_word_embeddings", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript",
        "transformers_version", "typical_p", "use_bfloat16",
    ]

    private static func show(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .text(let text): "\"\(text)\""
        case .list(let list): "[" + list.map(show).joined(separator: ", ") + "]"
        case .object: "{…}"
        }
    }
}
