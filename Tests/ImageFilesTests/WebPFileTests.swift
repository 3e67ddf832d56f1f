import Foundation
import ImageFiles
import Testing

/// Held against Pillow's files of the same picture; see Fixtures/make_webp_numbers.py.
@Suite("Writing WebP")
struct WebPFileTests {
    private struct Number: Decodable {
        var quality: Double
        var bytes: Int
        /// Peak signal-to-noise ratio in decibels.
        var psnr: Double
    }

    /// The picture of the generator.
    private static let picture: RGBImage = {
        var image = RGBImage(width: 121, height: 83)
        for y in 0..<image.height {
            for x in 0..<image.width {
                image[x, y] = RGBColor(
                    red: UInt8(x * 2 % 256), green: UInt8(y * 3 % 256), blue: UInt8((x * x + y * y) / 96 % 256))
            }
        }
        return image
    }()

    private static func psnr(_ a: RGBImage, _ b: RGBImage) -> Double {
        let squares = zip(a.pixels, b.pixels).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        return 10 * log10(255 * 255 * Double(a.pixels.count) / squares)
    }

    @Test("files are as large and as near to the picture as Pillow's at the same quality")
    func asPillow() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let numbers = try JSONDecoder().decode(
            [Number].self, from: Data(contentsOf: folder.appending(path: "webp.json")))
        for number in numbers {
            let bytes = try WebPFile.encode(Self.picture, quality: number.quality)
            #expect(abs(Double(bytes.count) / Double(number.bytes) - 1) < 0.1, "quality \(number.quality)")
            let back = try ImageFile.decode(bytes, name: "back").composited()
            #expect(back.width == 121 && back.height == 83)
            #expect(abs(Self.psnr(back, Self.picture) - number.psnr) < 0.5, "quality \(number.quality)")
        }
    }

    @Test("a picture longer than WebP can hold is refused with its size; the longest is written")
    func longest() throws {
        let side = WebPFile.largestSide
        #expect(side == 16_383)
        let bytes = try WebPFile.encode(RGBImage(width: side, height: 2))
        #expect(try ImageFile.decode(bytes, name: "long").width == side)
        let error = #expect(throws: ImageFileError.self) {
            try WebPFile.encode(RGBImage(width: side + 1, height: 2))
        }
        #expect(error?.code == .unwritable && error?.message.contains("16384 x 2 pixels") == true)
    }
}
