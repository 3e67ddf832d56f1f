import Foundation

/// Learns a byte-pair vocabulary from captions, in the form of CLIP's tokenizer.
///
/// Ids: 256 byte symbols in GPT-2's order, the same with `</w>` (end of word), one per merge, start, end.
/// Merges go on until every word of the captions is one token: the vocabulary is small, and a word in one
/// piece is learnt sooner.
/// - SeeAlso: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016.
package struct BytePairTrainer {
    package static let start = "<|startoftext|>"
    package static let end = "<|endoftext|>"

    package private(set) var merges: [Pair] = []

    package struct Pair: Hashable, Sendable {
        package let left: String
        package let right: String
    }

    /// - Parameters:
    ///   - captions: lower-case text.
    ///   - wholeWords: reserved words of letters only; each becomes one token whatever the captions say.
    package init(captions: [String], wholeWords: [String]) {
        var counts: [String: Int] = [:]
        for caption in captions {
            for word in Self.words(caption) { counts[word, default: 0] += 1 }
        }
        var words = counts.sorted { $0.key < $1.key }.map { (symbols: Self.symbols($0.key), count: $0.value) }
        while let best = Self.mostFrequentPair(words) {
            merges.append(best)
            for index in words.indices { words[index].symbols = Self.merged(words[index].symbols, best) }
        }
        // Reserved words come last, so that they never change how other words split.
        for word in wholeWords {
            var symbols = split(word)
            while symbols.count > 1 {
                let pair = Pair(left: symbols[0], right: symbols[1])
                merges.append(pair)
                symbols = Self.merged(symbols, pair)
            }
        }
    }

    /// Token texts in id order.
    package var vocabulary: [String] {
        let bytes = Self.byteSymbols
        var tokens = bytes + bytes.map { $0 + "</w>" }
        // Two merges may give the same text; ids must stay unique, as in CLIP's own vocabulary.
        var seen = Set(tokens)
        for merge in merges where seen.insert(merge.left + merge.right).inserted {
            tokens.append(merge.left + merge.right)
        }
        return tokens + [Self.start, Self.end]
    }

    /// Writes `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`.
    ///
    /// - Throws: `DataError` with `unwritable` if a file cannot be written.
    package func write(to folder: String, maxLength: Int) throws {
        let entries = try vocabulary.enumerated().map { "\(try Self.json($0.element)): \($0.offset)" }
        let lines = merges.map { "\($0.left) \($0.right)" }
        let special =
            "\"bos_token\": \"\(Self.start)\", \"eos_token\": \"\(Self.end)\", \"pad_token\": \"\(Self.end)\", "
            + "\"unk_token\": \"\(Self.end)\""
        let files = [
            "vocab.json": "{" + entries.joined(separator: ", ") + "}\n",
            "merges.txt": "#version: 0.2\n" + lines.joined(separator: "\n") + "\n",
            "special_tokens_map.json": "{\(special)}\n",
            "tokenizer_config.json":
                "{\"tokenizer_class\": \"CLIPTokenizer\", \"model_max_length\": \(maxLength), \"do_lower_case\": true, "
                + "\"add_prefix_space\": false, \"errors\": \"replace\", \(special)}\n",
        ]
        for (name, text) in files {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"), options: .atomic)
            } catch {
                throw DataError(
                    code: .unwritable, message: "\(folder)/\(name): cannot be written (\(error.localizedDescription))")
            }
        }
    }

    /// The word's symbols after all merges learnt so far, in the order in which they were learnt.
    private func split(_ word: String) -> [String] {
        merges.reduce(Self.symbols(word)) { Self.merged($0, $1) }
    }

    /// Runs of letters, single digits, runs of other symbols: CLIP's pattern for text without apostrophes.
    static func words(_ caption: String) -> [String] {
        var words: [String] = []
        var kind = 0
        for character in caption {
            let next = character.isWhitespace ? 0 : character.isLetter ? 1 : character.isNumber ? 2 : 3
            if next != 0, next == kind, kind != 2 {
                words[words.count - 1].append(character)
            } else if next != 0 {
                words.append(String(character))
            }
            kind = next
        }
        return words
    }

    private static func symbols(_ word: String) -> [String] {
        var symbols = Array(word.utf8).map { byteSymbolOf[Int($0)] }
        symbols[symbols.count - 1] += "</w>"
        return symbols
    }

    private static func mostFrequentPair(_ words: [(symbols: [String], count: Int)]) -> Pair? {
        var counts: [Pair: Int] = [:]
        for word in words where word.symbols.count > 1 {
            for index in 1..<word.symbols.count {
                counts[Pair(left: word.symbols[index - 1], right: word.symbols[index]), default: 0] += word.count
            }
        }
        // Equal counts are decided by the text, so that the vocabulary does not depend on hashing.
        return counts.max { ($0.value, $1.key.left, $1.key.right) < ($1.value, $0.key.left, $0.key.right) }?.key
    }

    private static func merged(_ symbols: [String], _ pair: Pair) -> [String] {
        guard symbols.count > 1 else { return symbols }
        var out: [String] = []
        var index = 0
        while index < symbols.count {
            if index + 1 < symbols.count, symbols[index] == pair.left, symbols[index + 1] == pair.right {
                out.append(pair.left + pair.right)
                index += 2
            } else {
                out.append(symbols[index])
                index += 1
            }
        }
        return out
    }

    private static func json(_ text: String) throws -> String {
        String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    }

    /// GPT-2's table: printable Latin-1 stands for itself, the other bytes for U+0100 and up. Index is the
    /// byte.
    private static let byteSymbolOf: [String] = {
        var next: UInt32 = 256
        return (0..<256).map { byte in
            if isPrintable(byte) { return String(Character(Unicode.Scalar(UInt8(byte)))) }
            defer { next += 1 }
            return Unicode.Scalar(next).map { String(Character($0)) } ?? ""
        }
    }()

    /// The table in the order of ids: printable bytes first.
    private static let byteSymbols: [String] =
        (0..<256).filter(isPrintable).map { byteSymbolOf[$0] }
        + (0..<256).filter { !isPrintable($0) }.map { byteSymbolOf[$0] }

    private static func isPrintable(_ byte: Int) -> Bool {
        (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
    }
}
