import CoreDiffusion
import Foundation

/// A unigram tokenizer for T5 of whole words, made from captions; what is no word of them is spelt in
/// letters.
enum PretrainWordPieces {
    private static let space = "\u{2581}"
    /// Beside any word's: letters are for what no word covers.
    private static let letterScore = -20.0

    /// The pieces by their ids, with the logarithms of their probabilities.
    ///
    /// - Parameter reserved: words that are pieces whatever the captions say.
    static func pieces(captions: [String], reserved: [String]) -> [(text: String, score: Double)] {
        var counts: [String: Int] = [:]
        for caption in captions {
            for word in caption.split(whereSeparator: \.isWhitespace) { counts[String(word), default: 0] += 1 }
        }
        for word in reserved { counts[word, default: 0] += 1 }
        let total = Double(counts.values.reduce(0, +))
        let words = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let letters = Set(counts.keys.flatMap { $0 }).union("abcdefghijklmnopqrstuvwxyz0123456789,.-'&").sorted()
        return [("<pad>", 0), ("</s>", 0), ("<unk>", 0), (space, letterScore)]
            + words.map { (space + $0.key, log(Double($0.value) / total)) }
            + letters.map { (String($0), letterScore) }
    }

    /// Writes a folder that transformers' `T5TokenizerFast` loads.
    ///
    /// - Parameter length: to which prompts are padded.
    static func write(_ pieces: [(text: String, score: Double)], length: Int, to directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let special: [(String, Double)] = [("<pad>", 0), ("</s>", 1), ("<unk>", 2)]
        let spaces: JSONValue = .object([
            "type": .text("Metaspace"), "replacement": .text(space), "prepend_scheme": .text("always"),
            "split": .flag(true),
        ])
        let sequence: JSONValue = .object(["Sequence": .object(["id": .text("A"), "type_id": .number(0)])])
        let end: JSONValue = .object(["SpecialToken": .object(["id": .text("</s>"), "type_id": .number(0)])])
        let other: JSONValue = .object(["Sequence": .object(["id": .text("B"), "type_id": .number(0)])])
        try JSONValue.write(
            [
                "version": .text("1.0"), "truncation": .null, "padding": .null, "normalizer": .null,
                "added_tokens": .list(
                    special.map { text, id in
                        .object([
                            "id": .number(id), "content": .text(text), "single_word": .flag(false),
                            "lstrip": .flag(false), "rstrip": .flag(false), "normalized": .flag(false),
                            "special": .flag(true),
                        ])
                    }),
                "pre_tokenizer": spaces, "decoder": spaces,
                "post_processor": .object([
                    "type": .text("TemplateProcessing"), "single": .list([sequence, end]),
                    "pair": .list([sequence, end, other, end]),
                    "special_tokens": .object([
                        "</s>": .object([
                            "id": .text("</s>"), "ids": .list([.number(1)]), "tokens": .list([.text("</s>")]),
                        ])
                    ]),
                ]),
                "model": .object([
                    "type": .text("Unigram"), "unk_id": .number(2), "byte_fallback": .flag(false),
                    "vocab": .list(pieces.map { .list([.text($0.text), .number($0.score)]) }),
                ]),
            ], path: directory + "/tokenizer.json")
        let tokens: [String: JSONValue] = [
            "eos_token": .text("</s>"), "pad_token": .text("<pad>"), "unk_token": .text("<unk>"),
        ]
        let settings: [String: JSONValue] = [
            "tokenizer_class": .text("T5TokenizerFast"), "model_max_length": .number(Double(length)),
            "extra_ids": .number(0), "additional_special_tokens": .list([]),
        ]
        try JSONValue.write(settings.merging(tokens) { first, _ in first }, path: directory + "/tokenizer_config.json")
        try JSONValue.write(tokens, path: directory + "/special_tokens_map.json")
    }
}
