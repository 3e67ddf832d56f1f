import CoreDiffusion
import Foundation
import Testing

@Suite("T5's tokenizer against transformers")
struct T5TokenizerTests {
    struct Case: Decodable {
        let prompt: String
        let ids: [Int32]
        let cut: [Int32]
    }

    @Test("ids of 220 awkward prompts are transformers'", arguments: ["t5-tokenizer", "t5-tokenizer-json"])
    func ids(name: String) throws {
        let folder = Fixture.path(name)
        let tokenizer = try T5Tokenizer(directory: folder)
        let cases = try JSONDecoder().decode(
            [Case].self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/cases.json")))
        #expect(cases.count == 220)
        for item in cases {
            #expect(tokenizer.encode(item.prompt) == item.ids, "\(item.prompt.debugDescription)")
            #expect(tokenizer.encode(item.prompt, length: 12) == item.cut, "\(item.prompt.debugDescription)")
        }
    }

    @Test("a damaged model is refused by name, wherever it ends")
    func damaged() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Fixture.path("t5-tokenizer") + "/spiece.model"))
        let folder = NSTemporaryDirectory() + "radiata-pieces-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let path = URL(fileURLWithPath: folder + "/spiece.model")
        #expect { try T5Tokenizer(directory: folder) } throws: { "\($0)".contains("no file") }
        for length in [1, 9, 100, 5000, whole.count - 1] {
            try whole.prefix(length).write(to: path)
            #expect { try T5Tokenizer(directory: folder) } throws: { "\($0)".contains("spiece.model") }
        }
        try Data("{\"model\": {\"type\": \"BPE\", \"vocab\": []}}".utf8).write(
            to: URL(fileURLWithPath: folder + "/tokenizer.json"))
        #expect { try T5Tokenizer(directory: folder) } throws: { "\($0)".contains("supported: Unigram") }
    }
}
