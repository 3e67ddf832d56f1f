import Foundation
import ImageFiles
import Testing

/// What Pillow wrote and read back; see Fixtures/make_fixtures.py.
private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

private func fixture(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: fixtures.appending(path: name))) }

@Suite("Image files")
struct ImageFileTests {
    @Test("PNG of every colour type decodes to Pillow's pixels", arguments: ["rgb", "palette", "gray"])
    func pngMatchesPillow(name: String) throws {
        let image = try ImageFile.decode(try fixture("\(name).png"), name: name)
        #expect(image.width == 13 && image.height == 9)
        #expect(image.composited().pixels == (try fixture("\(name).raw")))
    }

    @Test("straight alpha is kept as it stands in the file")
    func alphaMatchesPillow() throws {
        #expect(try ImageFile.decode(try fixture("rgba.png"), name: "rgba").pixels == (try fixture("rgba.raw")))
    }

    @Test("JPEG decodes to Pillow's pixels within one level", arguments: [("photo", "photo"), ("gray", "grayjpg")])
    func jpegMatchesPillow(file: String, expected: String) throws {
        let image = try ImageFile.decode(try fixture("\(file).jpg"), name: file).composited()
        let wanted = try fixture("\(expected).raw")
        #expect(image.width == 40 && image.height == 30 && image.pixels.count == wanted.count)
        #expect(zip(image.pixels, wanted).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test("a truncated file is an error that names the file, wherever it was cut", arguments: ["rgb.png", "photo.jpg"])
    func truncatedFilesAreErrors(name: String) throws {
        let whole = try fixture(name)
        for count in stride(from: 0, to: whole.count - 14, by: 7) {
            let error = #expect(throws: ImageFileError.self, "\(count) of \(whole.count) bytes") {
                try ImageFile.decode(Array(whole.prefix(count)), name: "folder/\(name)")
            }
            #expect(error?.message.hasPrefix("folder/\(name): ") == true)
        }
    }

    @Test("other content and missing files are told apart")
    func faultsHaveCodes() throws {
        #expect(throws: ImageFileError.self) { try ImageFile.read("/nowhere/a.png") }
        let text = #expect(throws: ImageFileError.self) { try ImageFile.decode(Array("GIF89a".utf8), name: "a.png") }
        #expect(text?.code == .unsupported)
        let prose = #expect(throws: ImageFileError.self) { try ImageFile.decode(Array("A text.".utf8), name: "a.png") }
        #expect(prose?.code == .notAnImage)
        let cut = #expect(throws: ImageFileError.self) {
            try ImageFile.decode(Array(try fixture("rgb.png").prefix(60)), name: "a.png")
        }
        #expect(cut?.code == .damaged)
    }

    @Test("what is written reads back, with the text")
    func writtenFilesReadBack() throws {
        let image = try ImageFile.decode(try fixture("rgb.png"), name: "rgb").composited()
        let bytes = try PNGFile.encode(image, text: [("parameters", "prompt: red heart, steps: 20")])
        #expect(try ImageFile.decode(bytes, name: "back").composited() == image)
        #expect(PNGFile.text(of: bytes).map(\.value) == ["prompt: red heart, steps: 20"])
    }

    @Test("text chunks are Pillow's, checksum included")
    func textChunksMatchPillow() throws {
        let theirs = try fixture("text.png")
        #expect(PNGFile.text(of: theirs).map(\.keyword) == ["parameters"])
        let start = try #require(theirs.firstRange(of: Array("tEXt".utf8))).lowerBound - 4
        let chunk = theirs[start..<start + 12 + 11 + 28]
        let ours = try PNGFile.encode(
            RGBImage(width: 1, height: 1), text: [("parameters", "prompt: red heart, steps: 20")])
        #expect(ours.firstRange(of: chunk) != nil)
    }

    @Test(
        "resizing gives the pixels of Pillow and of numpy within one level",
        arguments: [
            ("down-bicubic", 5, 4, RGBImage.ResizeFilter.bicubic), ("up-bicubic", 29, 17, .bicubic),
            ("down-area", 5, 4, .area),
        ])
    func resizeMatchesPillow(name: String, width: Int, height: Int, filter: RGBImage.ResizeFilter) throws {
        let source = RGBImage(width: 13, height: 9, pixels: try fixture("noise.raw"))
        let wanted = try fixture("\(name).raw")
        let found = source.resized(width: width, height: height, filter: filter).pixels
        #expect(zip(found, wanted).allSatisfy { abs(Int($0) - Int($1)) <= 1 } && found.count == wanted.count)
    }

    @Test("a transparent picture's hidden colour does not bleed into its edge")
    func resizePremultiplies() {
        let hidden = [UInt8](repeating: 0, count: 4)  // transparent black beside opaque red
        let red: [UInt8] = [255, 0, 0, 255]
        let image = RGBAImage(width: 4, height: 1, pixels: hidden + hidden + red + red)
        let small = image.resized(width: 1, height: 1, filter: .area)
        #expect(small.pixels == [255, 0, 0, 128])
    }

    @Test("a contact sheet holds every picture at full size under its label")
    func contactSheetHoldsPictures() {
        let red = RGBImage(width: 8, height: 8, fill: RGBColor(red: 255, green: 0, blue: 0))
        let blue = RGBImage(width: 8, height: 8, fill: RGBColor(red: 0, green: 0, blue: 255))
        let sheet = ContactSheet(
            title: "T", rows: [.init(label: "a", images: [red, red, red]), .init(label: "b", images: [blue])],
            cellSize: 16,
            columns: 2
        ).render()
        var counts: [RGBColor: Int] = [:]
        for y in 0..<sheet.height { for x in 0..<sheet.width { counts[sheet[x, y], default: 0] += 1 } }
        #expect(counts[red[0, 0]] == 3 * 16 * 16)
        #expect(counts[blue[0, 0]] == 16 * 16)
        #expect((counts[.black] ?? 0) > 3)  // the title's letter
    }
}
