import CoreData
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import Testing

@Suite("Making pairs")
struct DataPairsTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pairs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let result = Result { try body(folder) }
        try FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    private func picture(_ path: String, width: Int = 6, fill: RGBColor = .black) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try PNGFile.write(RGBImage(width: width, height: 6, fill: fill), to: path)
    }

    @Test("pairs of emoji: the same each time, no object both trained on and held out, sources that differ")
    func emoji() throws {
        try withFolder { folder in
            var made = DataPairs.Emoji(out: "\(folder)/a")
            made.count = 8
            #expect(try made.run { _ in } == 32)
            made.out = "\(folder)/b"
            _ = try made.run { _ in }
            let names = try #require(FileManager.default.subpaths(atPath: "\(folder)/a")).sorted()
            #expect(names == FileManager.default.subpaths(atPath: "\(folder)/b")?.sorted())
            for name in names where !name.hasSuffix("/") {
                #expect(
                    FileManager.default.contentsEqual(atPath: "\(folder)/a/\(name)", andPath: "\(folder)/b/\(name)"))
            }
            let data = try ConceptDataSet(path: "\(folder)/a")
            #expect(data.isPaired && data.warnings.isEmpty)
            // A quarter of eight objects of each of four edits.
            #expect(data.images.count == 24 && data.validation.count == 8)
            #expect(data.validation.allSatisfy { $0.concept >= 0 })
            let stems = { (images: [TrainingImage]) in Set(images.map { DataPictures.stem(of: $0.path) }) }
            #expect(stems(data.images).isDisjoint(with: stems(data.validation)))
            for image in data.images + data.validation {
                let source = try #require(try ConceptDataSet.source(image, fitting: PixelSize(width: 64, height: 64)))
                #expect(source != (try ConceptDataSet.square(image, resolution: 64)), "\(image.path)")
            }
        }
    }

    @Test("two folders become a data set; what has no partner or another size is named")
    func folders() throws {
        try withFolder { folder in
            for stem in ["x", "y"] {
                try picture("\(folder)/before/\(stem).png", fill: .white)
                try picture("\(folder)/after/\(stem).png")
            }
            try Data(" make it dark\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/after/y.txt"))
            try Data("  \n".utf8).write(to: URL(fileURLWithPath: "\(folder)/after/x.txt"))
            var pairs = DataPairs.Folders(
                source: "\(folder)/before", target: "\(folder)/after", instruction: "make it black",
                out: "\(folder)/out", name: "3_black")
            #expect(try pairs.run { _ in } == 2)
            let data = try ConceptDataSet(path: "\(folder)/out")
            #expect(data.images.map(\.caption) == ["make it black", "make it dark"])
            #expect(data.concepts.map(\.kind) == [.edit] && data.images[0].repeats == 3)
            try picture("\(folder)/after/z.png")
            try picture("\(folder)/before/w.png")
            let bare = #expect(throws: DataError.self) { try pairs.run { _ in } }
            #expect(bare?.message.contains("no source z") == true && bare?.message.contains("no target w") == true)
            try FileManager.default.removeItem(atPath: "\(folder)/before/w.png")
            try picture("\(folder)/before/z.png", width: 7)
            let sizes = #expect(throws: DataError.self) { try pairs.run { _ in } }
            #expect(sizes?.message.contains("7×6 pixels") == true)
            for name in ["edit", "0_edit", "1_", "1_a/b", "1_a:b", "1_a#b"] {
                pairs.name = name
                pairs.out = "\(folder)/named"
                try FileManager.default.removeItem(atPath: "\(folder)/before/z.png")
                try picture("\(folder)/before/z.png")
                let fault = #expect(throws: DataError.self) { try pairs.run { _ in } }
                #expect(fault?.message.contains("wanted N_name") == true, "\(name)")
            }
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/named"))
        }
    }

    @Test("nothing is written where a picture cannot be used, and every fault is told at once")
    func allOrNothing() throws {
        try withFolder { folder in
            for stem in ["a", "b", "c"] {
                try picture("\(folder)/before/\(stem).png")
                try picture("\(folder)/after/\(stem).png", width: stem == "b" ? 7 : 6)
            }
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/after/c.png"))
            let pairs = DataPairs.Folders(
                source: "\(folder)/before", target: "\(folder)/after", instruction: nil, out: "\(folder)/out",
                name: "1_edit")
            let fault = try #require(#expect(throws: DataError.self) { try pairs.run { _ in } })
            for part in ["a.png: no .txt of the same stem", "b.png: 6×6 pixels", "c.png: found other content"] {
                #expect(fault.message.contains(part), "\(fault)")
            }
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
        }
    }

    @Test("a second run leaves what it makes, and nothing of the first")
    func again() throws {
        try withFolder { folder in
            var made = DataPairs.Emoji(out: "\(folder)/out")
            made.count = 8
            _ = try made.run { _ in }
            // Of somebody else.
            try picture("\(folder)/out/1_recolour/mine.png")
            try picture("\(folder)/out/sources/1_recolour/mine.png", fill: .white)
            made.count = 4
            #expect(try made.run { _ in } == 16)
            let data = try ConceptDataSet(path: "\(folder)/out")
            #expect(data.images.count + data.validation.count == 17)
        }
    }

    @Test("a run that ends in the middle leaves a set of pairs, not one of pictures")
    func torn() throws {
        try withFolder { folder in
            let concept = Concept(folder: "1_edit", trigger: "", className: "edit", kind: .edit)
            let writer = try DataConceptWriter(root: folder, concept: concept)
            let image = RGBImage(width: 6, height: 6)
            try writer.write(image, stem: "a", caption: "turn", source: "a", editOf: image)
            #expect(try ConceptDataSet(path: folder).isPaired)
        }
    }
}
