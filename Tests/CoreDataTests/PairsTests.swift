import CoreData
import Foundation
import ImageFiles
import RunSpec
import Testing

@Suite("Pairs of pictures with an instruction")
struct PairsTests {
    private let described = "1_blue:\n  trigger: \"\"\n  class: blue\n  kind: edit\n"

    @Test("each picture has the source of its stem, held-out ones theirs, and nothing else has any")
    func sources() throws {
        try Fixtures.withFolder { folder in
            for place in ["1_blue/a", "sources/1_blue/a", "validation/1_blue/b", "sources/validation/1_blue/b"] {
                let isSource = place.hasPrefix("sources")
                try picture("\(folder)/\(place).png", fill: isSource ? .white : .black)
            }
            try write("make it blue\n", "\(folder)/1_blue/a.txt")
            try write(described, "\(folder)/concepts.yaml")
            let data = try ConceptDataSet(path: folder)
            #expect(data.isPaired && data.warnings.isEmpty, "\(data.warnings)")
            #expect(data.images.map(\.caption) == ["make it blue"])
            #expect(data.images.map(\.source) == ["\(folder)/sources/1_blue/a.png"])
            #expect(data.validation.map(\.source) == ["\(folder)/sources/validation/1_blue/b.png"])
            let source = try ConceptDataSet.source(data.images[0], fitting: PixelSize(width: 8, height: 8))
            #expect(source == RGBImage(width: 8, height: 8, fill: .white))
            // Without the word in the concept file the same folder is one picture and no source.
            try write(described.replacing("edit", with: "object"), "\(folder)/concepts.yaml")
            let plain = try ConceptDataSet(path: folder)
            #expect(!plain.isPaired && plain.images.map(\.source) == [nil])
            #expect(plain.warnings.contains { $0.contains("sources") })
        }
    }

    @Test("stems without a partner, two of one stem, other sizes and a mixture of kinds are faults that name them")
    func faults() throws {
        try Fixtures.withFolder { folder in
            for name in ["a", "b", "d"] { try picture("\(folder)/1_blue/\(name).png") }
            try picture("\(folder)/sources/1_blue/a.png", width: 5)
            for name in ["c.png", "d.png", "d.jpg"] { try picture("\(folder)/sources/1_blue/\(name)") }
            try picture("\(folder)/1_cat/a.png")
            try write(described + "1_cat:\n  class: cat\n", "\(folder)/concepts.yaml")
            let check = DataCheck(path: folder)
            let wanted = [
                "no source for b.png", "no target for the source c.png", "d.jpg and d.png are of the same stem",
                "1_blue is of kind edit and 1_cat of kind object", "5×4 pixels, its target",
            ]
            for part in wanted { #expect(check.faults.contains { $0.contains(part) }, "\(part): \(check.faults)") }
            #expect(check.faults.count == wanted.count, "\(check.faults)")
        }
    }

    /// A disc of one colour on a transparent ground.
    private func disc(_ side: Int, _ color: [UInt8]) -> RGBAImage {
        let pixels = (0..<side * side).flatMap { place -> [UInt8] in
            let (x, y) = (Double(place % side) + 0.5 - Double(side) / 2, Double(place / side) + 0.5 - Double(side) / 2)
            return x * x + y * y < Double(side * side) * 0.2 ? color + [255] : [0, 0, 0, 0]
        }
        return RGBAImage(width: side, height: side, pixels: pixels)
    }

    @Test("an edit changes what it says and leaves the rest", arguments: EmojiEdit.allCases)
    func edits(_ edit: EmojiEdit) {
        let (subject, smile) = (disc(128, [255, 200, 0]), disc(128, [10, 10, 10]))
        let (source, target) = edit.pair(of: subject, smile: smile, backdrop: .purple, side: 64)
        #expect(source.width == 64 && target.height == 64)
        let changed = (0..<64 * 64).filter { source[$0 % 64, $0 / 64] != target[$0 % 64, $0 / 64] }
        #expect(!changed.isEmpty)
        let (corner, middle) = (target[1, 1], target[32, 32])
        switch edit {
        case .recolour:
            #expect(corner == .white && middle.blue > middle.red && middle.blue > middle.green)
        case .glasses:
            #expect(target[20, 27].red < 60 && target[44, 27].red < 60)
            #expect(changed.allSatisfy { (14...40).contains($0 / 64) })
        case .background:
            #expect(source[1, 1] == Backdrop.purple.color && corner == .white && middle == source[32, 32])
        case .expression:
            #expect(target[32, 50].red < 60 && changed.allSatisfy { $0 / 64 >= 33 })
        }
    }
}
