import Foundation

/// What a SentencePiece model says, from its own file (`spiece.model`) or from `tokenizer.json`.
package struct SentencePieceFile {
    package var pieces: [(text: String, score: Double)] = []
    package var unknownID = 0
    package var normalizer: PrecompiledNormalizer?
    /// Words that stand for themselves wherever they occur, with their ids.
    package var special: [String: Int] = [:]

    /// Reads `spiece.model`, a protocol buffer.
    ///
    /// - Throws: `DiffusionError` for a file that is missing, broken, or no unigram model.
    package init(model path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DiffusionError(code: .missingFile, message: "no file \(path)")
        }
        func broken(_ what: String) -> DiffusionError {
            DiffusionError(code: .unreadable, message: "\(path): no SentencePiece model: \(what)")
        }
        func fields(_ bytes: [UInt8], _ what: String) throws -> [ProtocolBuffer.Field] {
            guard let fields = ProtocolBuffer.fields(bytes) else { throw broken(what + " ends early") }
            return fields
        }
        for field in try fields(Array(data), "the file") {
            switch (field.number, field.value) {
            case (1, .bytes(let piece)):
                read(piece: try fields(piece, "a piece"))
            case (2, .bytes(let trainer)):
                for entry in try fields(trainer, "its trainer_spec") {
                    if case (3, .number(let kind)) = (entry.number, entry.value), kind != 1 {
                        throw DiffusionError(
                            code: .unsupportedConfiguration,
                            message: "\(path): model_type = \(kind) is not supported; supported: 1, unigram")
                    }
                    if case (40, .number(let id)) = (entry.number, entry.value) { unknownID = Int(id) }
                }
            case (3, .bytes(let normalizer)):
                for entry in try fields(normalizer, "its normalizer") {
                    guard case (2, .bytes(let table)) = (entry.number, entry.value), !table.isEmpty else { continue }
                    guard let found = PrecompiledNormalizer(table) else { throw broken("its character map") }
                    self.normalizer = found
                }
            default: break
            }
        }
        guard pieces.indices.contains(unknownID) else {
            throw broken("found \(pieces.count) pieces, wanted unk_id \(unknownID) among them")
        }
    }

    private mutating func read(piece fields: [ProtocolBuffer.Field]) {
        var (text, score, kind) = ("", 0.0, 1)
        for field in fields {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): text = String(decoding: bytes, as: UTF8.self)
            case (2, .fixed32(let bits)): score = Double(Float(bitPattern: bits))
            case (3, .number(let number)): kind = Int(truncatingIfNeeded: number)
            default: break
            }
        }
        // Control words and the user's own.
        if kind == 3 || kind == 4 { special[text] = pieces.count }
        pieces.append((text, score))
    }

    /// Reads `tokenizer.json`.
    ///
    /// - Throws: `DiffusionError` for a file that is missing, broken, or no unigram model.
    package init(json path: String) throws {
        let root = try JSONValue.object(path: path)
        func broken(_ what: String) -> DiffusionError {
            DiffusionError(code: .unreadable, message: "\(path): \(what)")
        }
        guard case .object(let model) = root["model"], case .list(let vocabulary) = model["vocab"] else {
            throw broken("found no list model.vocab, wanted a unigram model")
        }
        if case .text(let kind) = model["type"], kind != "Unigram" {
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message: "\(path): model.type = \(kind) is not supported; supported: Unigram")
        }
        if case .flag(true) = model["byte_fallback"] {
            throw DiffusionError(
                code: .unsupportedConfiguration, message: "\(path): model.byte_fallback = true is not supported")
        }
        pieces = try vocabulary.map {
            guard case .list(let pair) = $0, pair.count == 2, case .text(let text) = pair[0],
                case .number(let score) = pair[1]
            else { throw broken("model.vocab holds something other than pairs of a text and a number") }
            return (text, score)
        }
        if case .number(let id) = model["unk_id"] { unknownID = Int(id) }
        guard pieces.indices.contains(unknownID) else { throw broken("model.unk_id \(unknownID) is no piece") }
        if case .list(let words) = root["added_tokens"] {
            for case .object(let word) in words {
                guard case .text(let text) = word["content"], case .number(let id) = word["id"] else {
                    throw broken("added_tokens holds something without content and id")
                }
                special[text] = Int(id)
            }
        }
        normalizer = try Self.table(in: root["normalizer"]).map {
            guard let found = PrecompiledNormalizer($0) else { throw broken("precompiled_charsmap is damaged") }
            return found
        }
    }

    private static func table(in normalizer: JSONValue?) -> [UInt8]? {
        guard case .object(let object) = normalizer else { return nil }
        if case .text(let text) = object["precompiled_charsmap"] {
            return Data(base64Encoded: text).map(Array.init) ?? []
        }
        guard case .list(let parts) = object["normalizers"] else { return nil }
        return parts.lazy.compactMap { table(in: $0) }.first
    }
}
