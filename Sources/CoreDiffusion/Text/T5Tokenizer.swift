import Foundation

/// T5's tokenizer: SentencePiece's normalisation, words that begin with “▁”, pieces by a unigram model. Its
/// ids are those of transformers' `T5Tokenizer`.
package struct T5Tokenizer: Sendable {
    private let model: UnigramModel
    private let normalizer: PrecompiledNormalizer?
    /// Longest first.
    private var special: [(word: String, id: Int)]
    package let endID: Int
    package let padID: Int
    /// Of all pieces' ids.
    package let largestID: Int
    /// To which prompts are padded at most, where its settings say so.
    package internal(set) var longest: Int?
    /// Where it was read.
    var folder: String?

    private static let space: Unicode.Scalar = "\u{2581}"

    /// Reads a tokenizer's folder: `tokenizer.json`, else `spiece.model`.
    ///
    /// - Throws: `DiffusionError` for files that are missing, broken, or of another kind.
    package init(directory: String) throws {
        let (json, own) = (directory + "/tokenizer.json", directory + "/spiece.model")
        if FileManager.default.fileExists(atPath: json) {
            try self.init(SentencePieceFile(json: json), label: json)
        } else {
            try self.init(SentencePieceFile(model: own), label: own)
        }
        folder = directory
        longest = try Self.longest(directory)
    }

    package init(_ file: SentencePieceFile, label: String) throws {
        var special = file.special
        // Sentinels without a piece come after the pieces, the last one first.
        if !special.keys.contains(where: { $0.hasPrefix("<extra_id_") }) {
            for index in 0..<100 where !file.pieces.contains(where: { $0.text == "<extra_id_\(index)>" }) {
                special["<extra_id_\(index)>"] = file.pieces.count + 99 - index
            }
        }
        func id(_ word: String) throws -> Int {
            guard let id = special[word] ?? file.pieces.firstIndex(where: { $0.text == word }) else {
                throw DiffusionError(code: .invalidConfiguration, message: "\(label): no piece \(word), which T5 needs")
            }
            special[word] = id
            return id
        }
        endID = try id("</s>")
        padID = try id("<pad>")
        _ = try id("<unk>")
        self.special = special.filter { !$0.key.isEmpty }.map { ($0.key, $0.value) }
            .sorted { ($0.word.utf8.count, $0.word) > ($1.word.utf8.count, $1.word) }
        largestID = file.pieces.count - 1
        model = UnigramModel(pieces: file.pieces, unknownID: file.unknownID)
        normalizer = file.normalizer
    }

    /// Without the sentinels that an encoder of so many words does not know: those are written out in pieces.
    package func limited(to words: Int) -> T5Tokenizer {
        var copy = self
        copy.special.removeAll { $0.id >= words }
        return copy
    }

    /// The ids of a text and the end.
    package func encode(_ text: String) -> [Int32] { (pieces(of: text) + [endID]).map { Int32($0) } }

    /// The ids of a text and the end, cut or padded to a length; the end stays.
    package func encode(_ text: String, length: Int) -> [Int32] {
        let ids = Array(pieces(of: text).prefix(length - 1)) + [endID]
        return (ids + Array(repeating: padID, count: length - ids.count)).map { Int32($0) }
    }

    /// Where the pieces of some words stand among those of a text; empty where they do not.
    package func positions(of words: String, in text: String) -> [Int] {
        let (wanted, all) = (pieces(of: words), pieces(of: text))
        guard !wanted.isEmpty, wanted.count <= all.count else { return [] }
        let start = (0...all.count - wanted.count).first { Array(all[$0..<$0 + wanted.count]) == wanted }
        return start.map { Array($0..<$0 + wanted.count) } ?? []
    }

    private func pieces(of text: String) -> [Int] {
        var (ids, plain) = ([Int](), String.UnicodeScalarView())
        var rest = text.unicodeScalars[...]
        while let first = rest.first {
            if let (word, id) = special.first(where: { rest.starts(with: $0.word.unicodeScalars) }) {
                ids += plainPieces(of: String(plain)) + [id]
                plain = .init()
                rest = rest.dropFirst(word.unicodeScalars.count)
            } else {
                plain.append(first)
                rest = rest.dropFirst()
            }
        }
        return ids + plainPieces(of: String(plain))
    }

    /// Without words that stand for themselves.
    private func plainPieces(of text: String) -> [Int] {
        let normal = normalizer?.normalize(text) ?? text
        return normal.unicodeScalars.split { $0.properties.isWhitespace }.flatMap { word -> [Int] in
            // A word begins with the sign for a space, and is cut before every other one.
            var parts: [String.UnicodeScalarView] = []
            for scalar in word {
                if scalar == Self.space || parts.isEmpty { parts.append(.init([Self.space])) }
                if scalar != Self.space { parts[parts.count - 1].append(scalar) }
            }
            return parts.flatMap { model.encode(String($0)) }
        }
    }
}
