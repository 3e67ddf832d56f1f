import CoreData
import CoreTools
import Foundation
import ImageFiles
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
                let source = try #require(try ConceptDataSet.squareSource(image, resolution: 64))
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
            try Data("make it dark\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/after/y.txt"))
            let pairs = DataPairs.Folders(
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
        }
    }
}
