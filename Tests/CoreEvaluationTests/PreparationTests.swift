import CoreEvaluation
import Foundation
import ImageFiles
import RunSpec
import Testing

/// What the reference libraries make of pictures before a network sees them; see
/// Fixtures/make_preparation.py.
@Suite("Preparing pictures as the references do")
struct PreparationTests {
    private struct Case {
        let kind: Int
        let image: RGBImage
        let shortSide, side: Int
        let width, height: Int
        let values: [Float]
    }

    private static func cases() throws -> [Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "Fixtures/preparation.bin")
        var rest = [UInt8](try Data(contentsOf: file))[...]
        func number() -> Int {
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        var cases: [Case] = []
        while !rest.isEmpty {
            let (kind, width, height, short, side) = (number(), number(), number(), number(), number())
            let (outWidth, outHeight) = (number(), number())
            let pixels = Array(rest.prefix(width * height * 3))
            rest = rest.dropFirst(pixels.count)
            let values = (0..<outWidth * outHeight * 3).map { _ in Float(bitPattern: UInt32(number())) }
            cases.append(
                Case(
                    kind: kind, image: RGBImage(width: width, height: height, pixels: pixels), shortSide: short,
                    side: side, width: outWidth, height: outHeight, values: values))
        }
        return cases
    }

    private func worst(_ found: [Float], _ wanted: [Float]) -> Float {
        found.count == wanted.count ? zip(found, wanted).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test("crops, squeezed and padded squares and whole pictures are the references', far below a level")
    func prepared() throws {
        var seen: Set<Int> = []
        for one in try Self.cases() {
            seen.insert(one.kind)
            let preprocessing =
                switch one.kind {
                case 0: ImagePreprocessing(shortSide: one.shortSide, side: one.side)
                case 2: ImagePreprocessing(side: one.side, centre: .even)
                case 3: ImagePreprocessing(side: one.side, fit: .resize)
                case 4: ImagePreprocessing(side: one.side, fit: .pad)
                default: ImagePreprocessing(side: one.side)
                }
            let name = "kind \(one.kind), \(one.image.width) × \(one.image.height)"
            if one.kind == 5 {
                let whole = one.image.shortSideResized(to: one.side)
                #expect(whole.width == one.width && whole.height == one.height, "\(name)")
                #expect(worst(preprocessing.normalized(whole), one.values) < 1e-5, "\(name)")
            } else {
                #expect(worst(preprocessing.values(one.image), one.values) < 1e-5, "\(name)")
            }
        }
        #expect(seen == [0, 2, 3, 4, 5])
    }

    @Test("DINOv2's folder says its sizes, in the forms that files have; without a file they are the published ones")
    func dinov2() throws {
        let folder = NSTemporaryDirectory() + "radiata-preparation-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // its removal is no part of the test
        let usual = try ImagePreprocessing(dinov2: folder)
        #expect(usual.shortSide == 256 && usual.side == 224 && usual.mean == ImagePreprocessing.imageNetMean)
        func write(_ sizes: String) throws {
            try "{\"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.2, 0.2, 0.2], \(sizes)}".write(
                toFile: folder + "/preprocessor_config.json", atomically: true, encoding: .utf8)
        }
        for sizes in [
            "\"size\": {\"shortest_edge\": 50}, \"crop_size\": {\"height\": 40, \"width\": 40}",
            "\"size\": 50, \"crop_size\": 40",
        ] {
            try write(sizes)
            let own = try ImagePreprocessing(dinov2: folder)
            #expect(own.shortSide == 50 && own.side == 40 && own.mean == [0.5, 0.5, 0.5])
        }
        try write("\"size\": 30, \"crop_size\": 40")
        #expect { try ImagePreprocessing(dinov2: folder) } throws: { "\($0)".contains("40 pixels out of 30") }
    }
}
