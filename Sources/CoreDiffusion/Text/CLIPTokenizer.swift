import Foundation

/// CLIP's byte-pair tokenizer: the ids are those of transformers' `CLIPTokenizer` for the same two files.
package struct CLIPTokenizer: Sendable {
    /// Ids that are not words.
    package struct Special: Equatable, Sendable {
        package var start: String
        package var end: String
        package var pad: String
        package var unknown: String

        package init(
            start: String = "<|startoftext|>", end: String = "<|endoftext|>", pad: String? = nil, unknown: String? = nil
        ) {
            self.start = start
            self.end = end
            self.pad = pad ?? end
            self.unknown = unknown ?? end
        }
    }

    package let vocabulary: [String: Int32]
    /// In order of rank: the first is merged first.
    package let merges: [(String, String)]
    package let special: Special
    /// The length that `encode` cuts and pads to, specials included.
    package let length: Int

    package let startID: Int32
    package let endID: Int32
    package let padID: Int32
    private let unknownID: Int32
    private let ranks: [UInt64: (rank: Int, id: Int32)]
    /// Of every byte: the id when it stands inside a word, and at a word's end.
    private let byteIDs: [(inside: Int32, end: Int32)]

    /// - Throws: `DiffusionError.invalidConfiguration` if a special token or a merge's parts are not in the
    ///   vocabulary.
    package init(
        vocabulary: [String: Int32], merges: [(String, String)], special: Special = Special(), length: Int = 77
    ) throws {
        func id(_ token: String) throws -> Int32 {
            guard let id = vocabulary[token] else {
                throw DiffusionError(
                    code: .invalidConfiguration, message: "the tokenizer's vocabulary has no \"\(token)\"")
            }
            return id
        }
        guard length >= 2 else {
            throw DiffusionError(code: .invalidConfiguration, message: "a prompt of \(length) tokens, wanted 2 or more")
        }
        self.vocabulary = vocabulary
        self.merges = merges
        self.special = special
        self.length = length
        startID = try id(special.start)
        endID = try id(special.end)
        padID = try id(special.pad)
        let unknown = try id(special.unknown)
        unknownID = unknown
        var ranks: [UInt64: (rank: Int, id: Int32)] = [:]
        for (rank, pair) in merges.enumerated() {
            ranks[Self.pairKey(try id(pair.0), try id(pair.1))] = (rank, try id(pair.0 + pair.1))
        }
        self.ranks = ranks
        byteIDs = Self.byteCharacters.map { character in
            let text = String(character)
            return (vocabulary[text] ?? unknown, vocabulary[text + Self.wordEnd] ?? unknown)
        }
    }

    static let wordEnd = "</w>"

    /// GPT-2's printable stand-in for every byte.
    package static let byteCharacters: [Character] = {
        let printable = Set(33...126).union(161...172).union(174...255)
        var next: UInt32 = 256
        return (0..<256).map { (byte: Int) -> Character in
            if printable.contains(byte) { return Character(Unicode.Scalar(UInt8(byte))) }
            defer { next += 1 }
            // 256..323 are letters: no surrogates there.
            return Unicode.Scalar(next).map { Character($0) } ?? " "
        }
    }()

    private static func pairKey(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    /// The prompt as the text encoder wants it: start, words, end, then padding; a longer prompt is cut.
    package func encode(_ prompt: String) -> [Int32] {
        let ids = [startID] + tokens(of: prompt).prefix(length - 2) + [endID]
        return ids + Array(repeating: padID, count: length - ids.count)
    }

    /// A long prompt as several rows of `length` ids, each with its own start and end: kohya's rule.
    ///
    /// - Parameter chunks: how many rows; words beyond them are cut.
    package func encode(_ prompt: String, chunks: Int) -> [[Int32]] {
        let room = length - 2
        let words = Array(tokens(of: prompt).prefix(chunks * room))
        return (0..<chunks).map { chunk in
            let part = words.dropFirst(chunk * room).prefix(room)
            return [startID] + part + [endID] + Array(repeating: padID, count: room - part.count)
        }
    }

    /// The ids of the words alone, however many.
    package func tokens(of prompt: String) -> [Int32] {
        pieces(of: prompt).flatMap { piece -> [Int32] in
            switch piece {
            case .special(let id): [id]
            case .text(let text): Self.words(of: Self.normalized(text)).flatMap { bytePairs(Array($0.utf8)) }
            }
        }
    }

    private enum Piece {
        case special(Int32)
        case text(String)
    }

    /// Special tokens written out in the prompt stand for themselves, as in transformers.
    private func pieces(of prompt: String) -> [Piece] {
        let names = Set([special.start, special.end, special.pad, special.unknown]).sorted { $0.count > $1.count }
        var pieces: [Piece] = []
        var rest = Substring(prompt)
        var text = ""
        while !rest.isEmpty {
            if let name = names.first(where: { rest.hasPrefix($0) }), let id = vocabulary[name] {
                if !text.isEmpty { pieces.append(.text(text)) }
                text = ""
                pieces.append(.special(id))
                rest.removeFirst(name.count)
            } else {
                text.append(rest.removeFirst())
            }
        }
        return text.isEmpty ? pieces : pieces + [.text(text)]
    }

    /// NFC, runs of white space as one space, lower case letter by letter.
    private static func normalized(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var spaced = false
        for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
            if scalar.properties.isWhitespace {
                if !spaced { result.append(" ") }
                spaced = true
            } else {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
                spaced = false
            }
        }
        return String(result)
    }

    /// Merges a word's bytes pair by pair, always the pair that was learnt first, the leftmost of equals.
    private func bytePairs(_ bytes: [UInt8]) -> [Int32] {
        var symbols = bytes.map { byteIDs[Int($0)].inside }
        if let last = bytes.last { symbols[symbols.count - 1] = byteIDs[Int(last)].end }
        while symbols.count > 1 {
            var best: (place: Int, rank: Int, id: Int32)?
            for place in 0..<symbols.count - 1 {
                guard let merge = ranks[Self.pairKey(symbols[place], symbols[place + 1])] else { continue }
                if merge.rank < best?.rank ?? .max { best = (place, merge.rank, merge.id) }
            }
            guard let best else { break }
            symbols[best.place] = best.id
            symbols.remove(at: best.place + 1)
        }
        return symbols
    }
}
