/// Words that mean nothing to the embedded base model: each is one token of its vocabulary, seen at random in
/// pre-training.
package enum TriggerTokens {
    /// Thirty-two words of two syllables; letters only, since CLIP's tokenizer splits digits off.
    package static let all: [String] = [
        "veko", "zami", "quro", "jipa", "wexu", "hobi", "kuza", "loxi", "mavo", "nuje", "pizo", "rawu", "suqi", "tivo",
        "vuga", "xobe", "yaku", "zeno", "bixa", "cuvo", "dazu", "fexo", "goji", "hyva", "jexi", "kowa", "luqo", "mizu",
        "noxa", "puve", "ruxi", "tayo",
    ]
}
