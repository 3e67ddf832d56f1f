import CoreData
import Foundation
import Testing

@Suite("Folders of pictures to edit")
struct EditFolderTests {
    private func withList<Result>(
        _ list: String, images: [String] = [], _ body: (String) throws -> Result
    ) throws -> Result {
        try Fixtures.withFolder { folder in
            try list.write(toFile: "\(folder)/\(EditFolder.listName)", atomically: true, encoding: .utf8)
            for image in images { try Data().write(to: URL(fileURLWithPath: "\(folder)/\(image)")) }
            return try body(folder)
        }
    }

    @Test("entries are read in their order, names say which and what")
    func entries() throws {
        let list = """
            {"image": "Red Heart.png", "prompt": "red heart", "edit": "blue heart", "concept": "blue", "words": "blue"}

            {"prompt": "a cat", "edit": "a dog"}
            {"prompt": "a cat", "edit": "a red cat"}
            """
        try withList(list, images: ["Red Heart.png"]) { folder in
            let found = try EditFolder(path: folder)
            #expect(found.entries.count == 3 && found.entries[0].concept == "blue" && found.entries[1].image == nil)
            #expect(found.image(of: found.entries[0]) == folder + "/Red Heart.png")
            #expect(found.image(of: found.entries[1]) == nil)
            #expect(found.names == ["red-heart", "a-cat", "a-cat-b"])
        }
    }

    @Test("every fault is told with its entry")
    func faults() throws {
        let list = """
            {"image": "no.png", "prompt": "a", "edit": "b"}
            {"image": "../out.png", "prompt": "a", "edit": "b"}
            {"prompt": "a"}
            {"prompt": "a", "edit": "b", "mask": "c"}
            """
        try withList(list) { folder in
            let wanted = [
                "entry 1: image 'no.png' is not there", "entry 2: image '../out.png' leads out", "entry 3: wanted",
                "entry 4: unknown key 'mask'",
            ]
            #expect { try EditFolder(path: folder) } throws: { error in wanted.allSatisfy("\(error)".contains) }
        }
        try withList("\n") { folder in
            #expect { try EditFolder(path: folder) } throws: { "\($0)".contains("nothing to edit") }
            #expect { try EditFolder(path: folder + "/none") } throws: { "\($0)".contains("not there") }
        }
    }
}
