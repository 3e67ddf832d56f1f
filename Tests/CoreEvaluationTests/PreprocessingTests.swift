import CoreEvaluation
import Foundation
import ImageFiles
import Testing

/// What transformers' CLIPImageProcessor gave; see Fixtures/make_preprocessing.py.
@Suite("Preprocessing for encoders")
struct PreprocessingTests {
    private struct Case {
        let image: RGBImage
        let side: Int
        let values: [Float]
    }

    private static func cases() throws -> [Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "Fixtures/preprocessing.bin")
        var rest = [UInt8](try Data(contentsOf: file))[...]
        func number() -> Int {
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        var cases: [Case] = []
        while !rest.isEmpty {
            let (width, height, side) = (number(), number(), number())
            let pixels = Array(rest.prefix(width * height * 3))
            rest = rest.dropFirst(pixels.count)
            let values = (0..<side * side * 3).map { _ in Float(bitPattern: UInt32(number())) }
            cases.append(
                Case(image: RGBImage(width: width, height: height, pixels: pixels), side: side, values: values))
        }
        return cases
    }

    @Test("pictures that are not square give transformers' values to 1e-5")
    func oblong() throws {
        let cases = try Self.cases()
        #expect(cases.count == 6)
        for one in cases {
            let preprocessing = ImagePreprocessing(
                mean: ImagePreprocessing.clipMean, deviation: ImagePreprocessing.clipDeviation, side: one.side)
            let found = preprocessing.values(one.image)
            #expect(found.count == one.values.count)
            let worst = zip(found, one.values).map { abs($0 - $1) }.max() ?? .infinity
            #expect(worst < 1e-5, "\(one.image.width) × \(one.image.height) → \(one.side): \(worst)")
        }
    }
}
