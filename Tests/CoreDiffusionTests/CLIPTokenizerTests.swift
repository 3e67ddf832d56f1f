import CoreDiffusion
import Foundation
import Testing

@Suite("Tokenizer against transformers")
struct CLIPTokenizerTests {
    struct Case: Decodable {
        let prompt: String
        let ids: [Int32]
    }

    @Test("ids of awkward prompts are transformers'")
    func ids() throws {
        let folder = Fixture.path("tokenizer")
        let tokenizer = try CLIPTokenizer(directory: folder)
        let cases = try JSONDecoder().decode(
            [Case].self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/cases.json")))
        #expect(cases.count > 20)
        for item in cases { #expect(tokenizer.encode(item.prompt) == item.ids, "\(item.prompt.debugDescription)") }
    }

    @Test("ids of 200 awkward prompts under CLIP's own merges are transformers'")
    func openAIMerges() throws {
        let folder = Fixture.path("prompts")
        let tokenizer = try CLIPTokenizer(directory: folder)
        #expect(tokenizer.startID == 49406 && tokenizer.endID == 49407)
        let cases = try JSONDecoder().decode(
            [Case].self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/cases.json")))
        #expect(cases.count == 200)
        for item in cases {
            let padded = item.ids + Array(repeating: 49407, count: 77 - item.ids.count)
            #expect(tokenizer.encode(item.prompt) == padded, "\(item.prompt.debugDescription)")
        }
    }

    @Test("a tokenizer.json alone is the same tokenizer, and a foreign one is refused")
    func tokenizerJSON() throws {
        let files = try CLIPTokenizer(directory: Fixture.path("tokenizer"))
        let one = try CLIPTokenizer(directory: Fixture.path("pipeline-sd/tokenizer"))
        #expect(one.vocabulary == files.vocabulary && one.special == files.special && one.length == files.length)
        #expect(one.merges.map { $0.0 + " " + $0.1 } == files.merges.map { $0.0 + " " + $0.1 })
        let folder = NSTemporaryDirectory() + "radiata-tokenizer-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        try Data("{\"model\": {\"type\": \"Unigram\"}}".utf8).write(
            to: URL(fileURLWithPath: folder + "/tokenizer.json"))
        #expect { try CLIPTokenizer(directory: folder) } throws: { "\($0)".contains("byte-pair") }
    }

    @Test("a saved tokenizer is the same tokenizer, length and special tokens included")
    func saving() throws {
        let original = try CLIPTokenizer(directory: Fixture.path("tokenizer"))
        let shorter = try CLIPTokenizer(
            vocabulary: original.vocabulary, merges: original.merges, special: .init(pad: "!"), length: 12)
        let folder = NSTemporaryDirectory() + "radiata-tokenizer-\(UUID().uuidString)"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        try shorter.save(to: folder)
        let again = try CLIPTokenizer(directory: folder)
        #expect(again.length == 12)
        #expect(again.special == shorter.special)
        #expect(again.encode("the thinking face, again") == shorter.encode("the thinking face, again"))
        #expect(again.encode("").last == original.vocabulary["!"])
    }

    @Test("a vocabulary without the special tokens is refused by name")
    func missingSpecial() {
        #expect {
            try CLIPTokenizer(vocabulary: ["a": 0, "<|startoftext|>": 1], merges: [])
        } throws: { error in
            (error as? DiffusionError)?.message.contains("<|endoftext|>") == true
        }
    }
}
