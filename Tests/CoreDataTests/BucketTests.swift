import CoreData
import CoreTensor
import Foundation
import ImageFiles
import RunSpec
import Testing

@Suite("Buckets of aspect ratios")
struct BucketTests {
    private func size(_ width: Int, _ height: Int) -> PixelSize { PixelSize(width: width, height: height) }

    @Test("for 512 × 512 the sizes are kohya's 17")
    func kohyaSizes() {
        let half = [
            (256, 832), (256, 896), (256, 960), (256, 1024), (320, 704), (320, 768), (384, 640), (448, 576),
        ]
        let wanted = half.map { size($0.0, $0.1) } + [size(512, 512)] + half.map { size($0.1, $0.0) }
        let buckets = BucketSizes(target: size(512, 512), step: 64)
        #expect(Set(buckets.sizes) == Set(wanted) && buckets.sizes.count == 17)
        #expect(buckets.sizes.allSatisfy { $0.width * $0.height <= 512 * 512 })
    }

    @Test("an exact size wins, else the nearest aspect")
    func choice() {
        let buckets = BucketSizes(target: size(512, 512), step: 64)
        #expect(buckets.bucket(of: size(256, 960)) == size(256, 960))
        #expect(buckets.bucket(of: size(3000, 3000)) == size(512, 512))
        #expect(buckets.bucket(of: size(600, 400)) == size(640, 384))
        #expect(buckets.bucket(of: size(400, 601)) == size(384, 640))
        #expect(buckets.bucket(of: size(10, 9000)) == size(256, 1024))
        #expect(BucketSizes(only: size(64, 32)).bucket(of: size(9, 9)) == size(64, 32))
    }

    @Test("an image covers its bucket and is cut equally on both sides")
    func covering() {
        // Thirds of red, white and blue, side by side: the cut takes from the outer ones.
        var image = RGBImage(width: 12, height: 4, fill: .white)
        for y in 0..<4 {
            for x in 0..<12 where x < 4 || x >= 8 {
                image[x, y] = x < 4 ? RGBColor(red: 255, green: 0, blue: 0) : RGBColor(red: 0, green: 0, blue: 255)
            }
        }
        let square = FittedImage(image, covering: size(4, 4))
        #expect(square.image == RGBImage(width: 4, height: 4, fill: .white))
        #expect(square.original == size(12, 4) && square.size == size(4, 4))
        // 12 : 4 inside 4 × 4 is 4 × 1.33, which leaves 1.33 above.
        #expect(square.crop == (top: 1, left: 0))
        let same = FittedImage(image, covering: size(12, 4))
        #expect(same.image == image && same.crop == (top: 0, left: 0) && same.mirroredCropLeft == 0)
        let mirrored = FittedImage.mirrored(image)
        #expect(mirrored[0, 0] == image[11, 0] && mirrored[5, 2] == image[6, 2])
        #expect(FittedImage.mirrored(mirrored) == image)
    }

    @Test("batches never mix groups, every epoch makes each visit once, and order and batches change")
    func epochs() {
        let groups = [[0, 0, 1], [2], [3, 4, 5, 6, 7]]
        let order = EpochOrder(groups: groups, batch: 2, seed: 5)
        #expect(order.stepsPerEpoch == 2 + 1 + 3)
        for epoch in 0..<6 {
            let batches = (0..<6).map { order.indices(step: 6 * epoch + $0) }
            #expect(batches.flatMap { $0 }.sorted() == [0, 0, 1, 2, 3, 4, 5, 6, 7])
            for batch in batches {
                #expect(groups.contains { group in batch.allSatisfy { group.contains($0) } }, "\(batch)")
            }
        }
        #expect(Set((0..<20).map { order.indices(step: 6 * $0) }).count > 4)
        let again = EpochOrder(groups: groups, batch: 2, seed: 5)
        for step in 0..<12 { #expect(again.indices(step: step) == order.indices(step: step)) }
    }

    @Test("the folder validation is held out, with or without folders of its own; other pictures are named")
    func validationFolder() throws {
        try Fixtures.withFolder { folder in
            func picture(_ path: String) throws {
                let path = "\(folder)/\(path)"
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try PNGFile.write(RGBImage(width: 4, height: 4), to: path)
            }
            try picture("1_cat/a.png")
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/1_cat/b.gif"))
            try picture("validation/c.png")
            try Data("a held-out cat".utf8).write(to: URL(fileURLWithPath: "\(folder)/validation/c.txt"))
            try picture("validation/d.png")
            try picture("validation/1_dog/e.png")
            let data = try ConceptDataSet(path: folder)
            #expect(data.images.count == 1 && data.concepts.count == 1)
            #expect(data.validation.map(\.caption) == ["a held-out cat", "", "dog"])
            #expect(data.warnings.contains { $0.contains("b.gif") })
            for name in ["c.png", "d.png", "1_dog"] {
                try FileManager.default.removeItem(atPath: "\(folder)/validation/\(name)")
            }
            let empty = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(empty?.message.contains("validation") == true)
        }
    }
}
