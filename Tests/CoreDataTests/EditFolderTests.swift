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

    @Test("names stay apart from each other and from that of the sheet")
    func names() throws {
        let list = """
            {"image": "edits.png", "prompt": "a", "edit": "b"}
            {"image": "猫.png", "prompt": "", "edit": "b", "concept": null}
            {"image": "img_0001.png", "prompt": "a", "edit": "b"}
            """
        try withList("\u{FEFF}" + list, images: ["edits.png", "猫.png", "img_0001.png"]) { folder in
            let found = try EditFolder(path: folder)
            #expect(found.names == ["edits-b", "-", "img-0001"])
            // They are no pictures.
            #expect { try found.lookAtImages() } throws: { error in
                ["edits.png", "猫.png", "img_0001.png"].allSatisfy("\(error)".contains)
            }
        }
    }

    @Test("every fault is told with its line, a misspelt key with the nearest one")
    func faults() throws {
        let list = """
            {"image": "no.png", "prompt": "a", "edit": "b"}
            {"image": "../out.png", "prompt": "a", "edit": "b"}
            {"prompt": "a"}

            {"prompt": "a", "edit": "b", "mask": "c"}
            {"prmpt": "a", "edit": "b"}
            {"prompt": "a", "edit": 3}
            {"prompt": "a", "edit": " "}
            {"image": ".", "prompt": "a", "edit": "b"}
            a cat
            """
        try withList(list) { folder in
            let wanted = [
                ":1: image 'no.png' is not there", ":2: image '../out.png' leads out", ":3: no edit;",
                ":5: unknown key 'mask'; known: image,", ":6: unknown key 'prmpt'; did you mean 'prompt'?",
                ":7: 'edit' is no text", ":8: 'edit' is empty", ":9: image '.' is not there",
                ":10: wanted a JSON object such as",
            ]
            #expect { try EditFolder(path: folder) } throws: { error in
                wanted.allSatisfy { "\(error)".contains("\(EditFolder.listName)\($0)") }
            }
        }
        try withList("\n") { folder in
            #expect { try EditFolder(path: folder) } throws: { "\($0)".contains("nothing to edit") }
            #expect { try EditFolder(path: folder + "/none") } throws: { "\($0)".contains("not there") }
        }
    }
}
