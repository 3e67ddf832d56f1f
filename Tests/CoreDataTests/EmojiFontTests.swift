import CoreData
import Foundation
import ImageFiles
import Testing

/// Subsets of Noto Color Emoji and the PNG bytes that fontTools finds in them; see Fixtures/make_fixtures.py.
@Suite("Emoji font")
struct EmojiFontTests {
    @Test("glyphs are fontTools' bytes, for both kinds of character map and of index", arguments: ["wide", "narrow"])
    func glyphsMatchFontTools(name: String) throws {
        let expected = try JSONDecoder().decode([String: [String: String]].self, from: Fixtures.data("fonts.json"))
        let glyphs = try #require(expected[name])
        let font = try EmojiFont(path: Fixtures.path("\(name).ttf"))
        #expect(font.codePoints == glyphs.keys.compactMap { UInt32($0, radix: 16) }.sorted())
        for (code, hex) in glyphs {
            let point = try #require(UInt32(code, radix: 16))
            let bytes = try #require(try font.png(of: point))
            #expect(bytes.map { String(format: "%02x", $0) }.joined() == hex)
        }
        let image = try #require(try font.image(of: font.codePoints[0]))
        #expect(image.width == 136 && image.height == 128)
    }

    @Test("a code point without a glyph has no picture")
    func missingGlyphIsNil() throws {
        #expect(try EmojiFont(path: Fixtures.path("wide.ttf")).png(of: 0x1F680) == nil)
    }

    @Test("a font cut anywhere, and a font without bitmaps, are errors that name the file")
    func damagedFontsAreErrors() throws {
        let whole = try Fixtures.data("wide.ttf")
        let path = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID().uuidString).ttf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for count in [0, 3, 100, 300, 600] {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: DataError.self, "\(count) bytes") { try EmojiFont(path: path) }
            #expect(error?.message.contains(path) == true)
        }
        #expect(throws: DataError.self) { try EmojiFont(path: "/nowhere/font.ttf") }
    }

    @Test("held-out families are kept out by picture and by word")
    func familiesAreHeldOut() throws {
        let family = HeldOutFamily.all.first { $0.concept.name == "cats" }
        let cats = try #require(family)
        #expect(cats.contains(.init(codePoint: 0x1F63B, caption: "smiling")))
        #expect(cats.contains(.init(codePoint: 1, caption: "happy cat face")))
        #expect(!cats.contains(.init(codePoint: 0x1F436, caption: "dog face")))
        #expect(!cats.contains(.init(codePoint: 1, caption: "bobcat face")))
        #expect(cats.trainingCaption(of: "weary cat face") == "weary veko cat")
    }
}
