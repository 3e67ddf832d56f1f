import CoreData
import CoreDiffusion
import Foundation
import Testing

@Suite("Byte-pair trainer")
struct BytePairTrainerTests {
    private struct Captions: Decodable {
        let training: [String]
        let prompts: [String]
    }

    private static func captions() throws -> Captions {
        try JSONDecoder().decode(Captions.self, from: Fixtures.data("captions.json"))
    }

    @Test("transformers' CLIPTokenizer, given the trained files, agrees with ours on every id")
    func idsMatchTransformers() throws {
        let captions = try Self.captions()
        let expected = try JSONDecoder().decode([[Int32]].self, from: Fixtures.data("tokens.json"))
        try Fixtures.withFolder { folder in
            let trainer = BytePairTrainer(captions: captions.training, wholeWords: TriggerTokens.all)
            try trainer.write(to: folder, maxLength: 24)
            // The ids in the fixture come from these files, so they must not have changed since.
            for name in ["vocab.json", "merges.txt"] {
                #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) == Fixtures.data(name))
            }
            let tokenizer = try CLIPTokenizer(directory: folder)
            for (prompt, ids) in zip(captions.prompts, expected) {
                let padding = [Int32](repeating: tokenizer.endID, count: 24 - ids.count)
                #expect(tokenizer.encode(prompt) == ids + padding, "\(prompt)")
            }
        }
    }

    @Test("every word of the captions and every reserved word is one token")
    func wordsAreWhole() throws {
        let captions = try Self.captions()
        let vocabulary = Set(
            BytePairTrainer(captions: captions.training, wholeWords: TriggerTokens.all).vocabulary)
        for word in captions.training.joined(separator: " ").split(separator: " ") where word.allSatisfy(\.isLetter) {
            #expect(vocabulary.contains("\(word)</w>"))
        }
        #expect(TriggerTokens.all.allSatisfy { vocabulary.contains("\($0)</w>") })
        #expect(TriggerTokens.all.count == 32 && Set(TriggerTokens.all).count == 32)
    }
}
