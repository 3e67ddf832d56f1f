import Foundation
import ImageFiles
import Testing

/// What Pillow shows of these files; see Fixtures/make_viewer_fixtures.py.
@Suite("Pictures as viewers show them")
struct ViewerTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: Self.folder.appending(path: name)))
    }

    private func load(_ name: String) throws -> ImageFile.Decoded {
        try ImageFile.load(Self.folder.appending(path: name).path)
    }

    /// The largest difference from what Pillow shows, in levels; nil where even the sizes differ.
    private func difference(_ name: String) throws -> Int? {
        let sizes = try JSONDecoder().decode([String: [Int]].self, from: Data(try bytes("viewers.json")))
        let image = try load(name).image.composited()
        guard sizes[name] == [image.width, image.height] else { return nil }
        let wanted = try bytes(name + ".rgb")
        guard wanted.count == image.pixels.count else { return nil }
        return zip(image.pixels, wanted).map { abs(Int($0) - Int($1)) }.max()
    }

    @Test("EXIF's orientation turns the picture upright", arguments: 1...8)
    func orientation(way: Int) throws {
        #expect(try difference("exif\(way).png") == 0)
        #expect(try load("exif\(way).png").isNewlyRead == (way != 1))
    }

    @Test("orientation counts in JPEG and WebP too", arguments: ["exif3.jpg", "exif6.jpg", "exif8.jpg", "exif6.webp"])
    func otherOrientation(name: String) throws {
        let worst = try #require(try difference(name))
        #expect(try worst <= 1 && load(name).isNewlyRead)
    }

    @Test("sixteen bits without gAMA are sRGB like eight", arguments: ["rgb16.png", "gray16.png"])
    func sixteenBits(name: String) throws {
        #expect(try difference(name) == 0)
        #expect(try load(name).isNewlyRead)
    }

    @Test(
        "grey with alpha, one bit, a transparent palette entry, interlaced rows",
        arguments: ["grayalpha.png", "bits1.png", "palettekey.png", "interlaced.png"])
    func kinds(name: String) throws {
        #expect(try difference(name) == 0)
        #expect(try !load(name).isNewlyRead)
    }

    @Test(
        "an embedded colour profile is turned into sRGB",
        arguments: ["p3.png", "adobe.png", "p3.jpg", "p3.webp", "graytagged.png"])
    func profiles(name: String) throws {
        let worst = try #require(try difference(name))
        #expect(try worst <= 1 && load(name).isNewlyRead)
    }

    @Test("a profile that is sRGB changes nothing")
    func sameProfile() throws {
        #expect(try load("srgb.png").image.composited() == (try load("exif1.png").image.composited()))
        #expect(try !load("srgb.png").isNewlyRead)
    }

    @Test("four inks are mixed as Pillow mixes them")
    func inks() throws {
        let worst = try #require(try difference("cmyk.jpg"))
        #expect(try worst <= 1 && load("cmyk.jpg").isNewlyRead)
    }

    @Test(
        "a stray byte and a missing end are told, and the picture is shown", arguments: ["stray.jpg", "noend.jpg"])
    func warnings(name: String) throws {
        #expect(try difference(name) == 0)
        let picture = try load(name)
        #expect(picture.warning?.contains(name) == true && picture.isNewlyRead)
    }

    @Test("half a JPEG is damaged, not grey")
    func half() throws {
        let whole = try bytes("noend.jpg")
        let error = #expect(throws: ImageFileError.self) {
            try ImageFile.load(Array(whole.prefix(whole.count * 6 / 10)), name: "half.jpg")
        }
        #expect(error?.code == .damaged)
    }

    @Test("WebP: lossy, lossless, with alpha", arguments: ["lossy.webp", "lossless.webp", "alpha.webp"])
    func webp(name: String) throws {
        #expect(try difference(name) == 0)
        #expect(try load(name).warning == nil && (try load(name).isNewlyRead))
    }

    @Test("of an animation the first frame is taken, and told")
    func animation() throws {
        #expect(try difference("moving.webp") == 0)
        #expect(try load("moving.webp").warning?.contains("first frame") == true)
    }

    @Test("a WebP cut anywhere is damaged")
    func truncated() throws {
        for name in ["lossy.webp", "lossless.webp", "moving.webp"] {
            let whole = try bytes(name)
            for count in stride(from: 16, to: whole.count - 8, by: 13) {
                let error = #expect(throws: ImageFileError.self, "\(name): \(count) of \(whole.count)") {
                    try ImageFile.load(Array(whole.prefix(count)), name: name)
                }
                #expect(error?.code == .damaged)
            }
        }
    }

    @Test(
        "other formats are named: not supported is not damaged",
        arguments: [
            ("other.gif", "GIF"), ("other.bmp", "BMP"), ("other.tiff", "TIFF"), ("other.heic", "HEIC"),
            ("other.avif", "AVIF"),
        ])
    func unsupported(file: String, format: String) throws {
        let error = #expect(throws: ImageFileError.self) { try load(file) }
        #expect(error?.code == .unsupported && error?.message.contains("\(format) images are not supported") == true)
    }

    @Test("too large is a message of its own, before memory is taken")
    func tooLarge() throws {
        let error = #expect(throws: ImageFileError.self) { try load("huge.png") }
        #expect(error?.code == .tooLarge && error?.message.contains("40000 x 40000") == true)
    }

    @Test(
        "resizing takes Pillow's order of passes, to the bit",
        arguments: [(50, 120, 40, 96), (20, 50, 8, 11), (50, 20, 11, 8), (30, 12, 35, 9)])
    func order(width: Int, height: Int, newWidth: Int, newHeight: Int) throws {
        let source = RGBImage(width: width, height: height, pixels: try bytes("order-\(width)x\(height).raw"))
        let wanted = try bytes("order-\(width)x\(height)-\(newWidth)x\(newHeight).raw")
        #expect(source.resizedAsPillow(width: newWidth, height: newHeight).pixels == wanted)
        let plain = source.resized(width: newWidth, height: newHeight).pixels
        #expect(zip(plain, wanted).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }
}
