import CoreData
import CoreTensor
import Foundation
import ImageFiles
import Testing

@Suite("Concept data sets")
struct ConceptDataSetTests {
    @Test("kohya's rules: repeats, caption files, the folder's words, order by path")
    func kohyaLayout() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/2_red_box/b.png")
            try picture("\(folder)/2_red_box/a.png")
            try write("a box, red \nsecond line\n", "\(folder)/2_red_box/a.txt")
            try picture("\(folder)/10_cat/c.png")
            try write("caption of c", "\(folder)/10_cat/c.caption")
            try write("", "\(folder)/notes/x.txt")
            let data = try ConceptDataSet(path: folder)
            #expect(data.concepts.map(\.name) == ["cat", "red_box"])
            #expect(data.images.map(\.caption) == ["caption of c", "a box, red", "red_box"])
            #expect(data.images.map(\.repeats) == [10, 2, 2])
            #expect(data.warnings.contains { $0.contains("notes") && $0.contains("10_notes") })
        }
    }

    @Test("the concept file gives trigger and class, and its gaps are faults")
    func conceptFile() throws {
        try Fixtures.withFolder { folder in
            try picture("\(folder)/1_moons/a.png")
            try write("1_moons:\n  trigger: zami\n  class: moon\n  kind: scene\n", "\(folder)/concepts.yaml")
            let data = try ConceptDataSet(path: folder)
            #expect(data.images[0].caption == "zami moon" && data.concepts[0].kind == .scene)
            try picture("\(folder)/1_suns/a.png")
            let bare = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(bare?.message.contains("1_suns") == true)
        }
    }

    @Test("faults name the folder or file and say which kind they are")
    func faults() throws {
        let missing = #expect(throws: DataError.self) { try ConceptDataSet(path: "/nowhere") }
        #expect(missing?.code == .missing)
        try Fixtures.withFolder { folder in
            let empty = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(empty?.code == .empty)
            try write("x", "\(folder)/1_a/a.txt")
            let bare = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(bare?.message.contains("1_a") == true)
            try picture("\(folder)/1_a/a.png")
            try write(" \n", "\(folder)/1_a/a.txt")
            let blank = #expect(throws: DataError.self) { try ConceptDataSet(path: folder) }
            #expect(blank?.message.contains("a.txt") == true)
        }
    }

    @Test("a training image is cropped square from its middle")
    func squareCrop() throws {
        try Fixtures.withFolder { folder in
            var image = RGBImage(width: 12, height: 4, fill: .black)
            for y in 0..<4 { for x in 4..<8 { image[x, y] = .white } }
            try FileManager.default.createDirectory(atPath: "\(folder)/1_a", withIntermediateDirectories: true)
            try PNGFile.write(image, to: "\(folder)/1_a/a.png")
            let data = try ConceptDataSet(path: folder)
            let square = try ConceptDataSet.square(data.images[0], resolution: 8)
            #expect(square == RGBImage(width: 8, height: 8, fill: .white))
        }
    }

    @Test("an epoch visits every image as often as it repeats, in an order that only seed and epoch decide")
    func epochOrder() {
        let order = EpochOrder(repeats: [3, 1, 2], batch: 4, seed: 7)
        #expect(order.stepsPerEpoch == 2)
        for epoch in 0..<5 {
            let visits = (0..<2).flatMap { order.indices(step: 2 * epoch + $0) }
            #expect(visits.sorted() == [0, 0, 0, 1, 2, 2])
        }
        let again = EpochOrder(repeats: [3, 1, 2], batch: 4, seed: 7)
        #expect(again.indices(step: 9) == order.indices(step: 9))
        let epochs = (0..<20).map { order.indices(step: 2 * $0) }
        #expect(Set(epochs).count > 10)
    }

    @Test("a cache gives back each item's own encoding in the order asked for")
    func tensorCache() {
        let cache = TensorCache([1, 2, 3]) { Tensor([Float($0), Float(10 * $0)], [1, 2]) }
        let batch = cache.batch([2, 0])
        #expect(batch.shape == [2, 2] && batch.values == [3, 30, 1, 10])
    }

    @Test("pixels go to -1…1 and back without loss")
    func pixelsRoundTrip() {
        let image = RGBImage(width: 16, height: 16, pixels: (0..<768).map { UInt8($0 % 256) })
        let tensor = image.tensor()
        #expect(tensor.shape == [1, 16, 16, 3] && tensor.values[0] == -1 && tensor.values[255] == 1)
        #expect(RGBImage(tensor) == image)
        #expect(RGBImage(pixelBatch([RGBImage(width: 16, height: 16), image]), batch: 1) == image)
    }
}
