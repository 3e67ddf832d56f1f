import CoreTensor
import Foundation

extension CLIPTokenizer {
    /// Reads `vocab.json` and `merges.txt`, or `tokenizer.json` where newer versions of transformers wrote
    /// only that; special tokens and length come from `tokenizer_config.json` and `special_tokens_map.json`
    /// where these exist.
    ///
    /// - Throws: `DiffusionError`, naming the file.
    package init(directory: String) throws {
        let vocabulary: [String: Int32]
        let merges: [(String, String)]
        let whole = directory + "/tokenizer.json"
        if !FileManager.default.fileExists(atPath: directory + "/vocab.json"),
            FileManager.default.fileExists(atPath: whole)
        {
            (vocabulary, merges) = try Self.bothParts(path: whole)
        } else {
            vocabulary = try Self.vocabulary(path: directory + "/vocab.json")
            merges = try Self.merges(path: directory + "/merges.txt")
        }
        var settings: [String: JSONValue] = [:]
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            let path = directory + "/" + name
            guard FileManager.default.fileExists(atPath: path) else { continue }
            settings.merge(try JSONValue.object(path: path)) { _, last in last }
        }
        let standard = Special()
        let special = Special(
            start: Self.token(settings["bos_token"]) ?? standard.start,
            end: Self.token(settings["eos_token"]) ?? standard.end,
            pad: Self.token(settings["pad_token"]) ?? standard.pad,
            unknown: Self.token(settings["unk_token"]) ?? standard.unknown)
        // Absent, or transformers' "very large": CLIP's own length.
        var length = 77
        if case .number(let number) = settings["model_max_length"], (0..<1e6).contains(number) { length = Int(number) }
        do {
            try self.init(vocabulary: vocabulary, merges: merges, special: special, length: length)
        } catch let error as DiffusionError {
            throw DiffusionError(code: error.code, message: "\(directory): \(error.message)")
        }
    }

    /// Writes a folder that transformers' `CLIPTokenizer` loads.
    ///
    /// - Throws: Foundation's error if a file cannot be written.
    package func save(to directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(vocabulary).write(to: URL(fileURLWithPath: directory + "/vocab.json"), options: .atomic)
        let lines = ["#version: 0.2"] + merges.map { "\($0.0) \($0.1)" }
        try Data((lines.joined(separator: "\n") + "\n").utf8)
            .write(to: URL(fileURLWithPath: directory + "/merges.txt"), options: .atomic)
        let tokens: [String: JSONValue] = [
            "bos_token": .text(special.start), "eos_token": .text(special.end), "pad_token": .text(special.pad),
            "unk_token": .text(special.unknown),
        ]
        try JSONValue.write(tokens, path: directory + "/special_tokens_map.json")
        let settings: [String: JSONValue] = [
            "tokenizer_class": .text("CLIPTokenizer"), "model_max_length": .number(Double(length)),
            "do_lower_case": .flag(true), "add_prefix_space": .flag(false),
        ]
        try JSONValue.write(settings.merging(tokens) { first, _ in first }, path: directory + "/tokenizer_config.json")
    }

    private static func vocabulary(path: String) throws -> [String: Int32] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DiffusionError(code: .missingFile, message: "no file \(path)")
        }
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            // The decoder takes a fifth of a second for 49,408 tokens; it reads what else there is, and says
            // what is wrong.
            if let numbers = data.withUnsafeBytes(JSONNumbers.map) { return numbers }
            return try JSONDecoder().decode([String: Int32].self, from: data)
        } catch {
            throw DiffusionError(code: .unreadable, message: "\(path): not a map from tokens to ids: \(error)")
        }
    }

    /// Whether a folder holds a tokenizer.
    package static func isThere(_ directory: String) -> Bool {
        ["/vocab.json", "/tokenizer.json"].contains { FileManager.default.fileExists(atPath: directory + $0) }
    }

    /// Vocabulary and merges of a `tokenizer.json`. Everything else in it must be CLIP's, which is not looked
    /// at.
    private static func bothParts(path: String) throws -> ([String: Int32], [(String, String)]) {
        func fault(_ what: String) -> DiffusionError { DiffusionError(code: .unreadable, message: "\(path): \(what)") }
        guard case .object(let model) = try JSONValue.object(path: path)["model"], model["type"] == .text("BPE"),
            model["end_of_word_suffix"] == .text(wordEnd), case .object(let words) = model["vocab"],
            case .list(let pairs) = model["merges"]
        else { throw fault("wanted a byte-pair model with vocab, merges and the suffix \(wordEnd)") }
        let vocabulary = try words.mapValues { value -> Int32 in
            guard case .number(let number) = value, let id = Int32(exactly: number) else {
                throw fault("an id that is no whole number")
            }
            return id
        }
        let merges = try pairs.map { pair -> (String, String) in
            switch pair {
            case .text(let text):
                let parts = text.split(separator: " ")
                if parts.count == 2 { return (String(parts[0]), String(parts[1])) }
            case .list(let parts):
                if parts.count == 2, case .text(let first) = parts[0], case .text(let second) = parts[1] {
                    return (first, second)
                }
            default: break
            }
            throw fault("a merge that is not of two tokens")
        }
        return (vocabulary, merges)
    }

    private static func merges(path: String) throws -> [(String, String)] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DiffusionError(code: .missingFile, message: "no file \(path)")
        }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        var merges: [(String, String)] = []
        for (number, raw) in lines.enumerated() {
            let line = raw.hasSuffix("\r") ? raw.dropLast() : raw
            if line.isEmpty || line.hasPrefix("#version") { continue }
            let parts = line.split(separator: " ")
            guard parts.count == 2 else {
                throw DiffusionError(
                    code: .unreadable, message: "\(path), line \(number + 1): found \"\(line)\", wanted two tokens")
            }
            merges.append((String(parts[0]), String(parts[1])))
        }
        return merges
    }

    /// A token is a text, or an object with its text under `content`.
    private static func token(_ value: JSONValue?) -> String? {
        switch value {
        case .text(let text): return text
        case .object(let object): return token(object["content"])
        default: return nil
        }
    }
}
