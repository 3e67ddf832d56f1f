import Foundation
import ImageFiles
import Testing

/// Truth: the same lines as Pillow draws them with FreeType (`Fixtures/make_text.py`).
@Suite("Text on pictures")
struct TextTests {
    private static let lines = [
        "The quick brown fox jumps over the lazy dog 0123456789",
        "lr=1e-4 · dim ≤ 16, α/2 → [a_b] {c|d} \"e\" 'f' #7 & 8%…",
        "Größe, naïve façade, Łódź, Čeština, Ωμέγα, Привет, ёжик — ± × ≥ ↑ ↓",
    ]

    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures"

    @Test("is another program's to the half step of four bits", arguments: zip(TextSize.allCases, [12, 15, 22]))
    func letters(size: TextSize, pixels: Int) throws {
        let wanted = try ImageFile.read("\(Self.fixtures)/text-\(pixels).png")
        var page = RGBImage(
            width: wanted.width, height: wanted.height, fill: RGBColor(red: 250, green: 240, blue: 220))
        for (number, line) in Self.lines.enumerated() {
            page.draw(
                line, x: 8, y: 4 + number * (size.lineHeight + 4), size: size,
                color: RGBColor(red: 20, green: 40, blue: 120))
        }
        let away = zip(page.pixels, wanted.pixels).map { abs(Int($0) - Int($1)) }
        // Half a step of 1/15 of the largest difference of ink and ground, 230, and rounding.
        #expect(away.max() ?? 0 <= 9, "\(away.max() ?? 0) levels of 255 away")
        #expect(Self.lines.map { size.width(of: $0) }.max() == wanted.width - 16)
    }

    @Test("accents by themselves join their letters; what has no glyph is a box, and takes its room")
    func characters() {
        func drawn(_ text: String) -> RGBImage {
            var page = RGBImage(width: 60, height: 20)
            page.draw(text, x: 2, y: 2)
            return page
        }
        #expect(drawn("e\u{301}") == drawn("é") && drawn("é") != drawn("e"))
        #expect(drawn("a\tb") == drawn("a b"))
        #expect(drawn("漢") == drawn("👩‍👩‍👧") && drawn("漢") != drawn(""))
        #expect(drawn("漢x") != drawn("漢") && TextSize.small.width(of: "漢") > 0)
        // Nothing is drawn outside.
        var small = RGBImage(width: 5, height: 5)
        small.draw("Wide text", x: -3, y: -4, size: .large)
    }

    @Test("is shortened and wrapped to the width", arguments: TextSize.allCases)
    func fitted(size: TextSize) {
        let text = "a watercolour painting of veko, in the style of an-unusually_long/name.of.something"
        for width in [60, 200, 1000] {
            let short = size.shortened(text, to: width)
            #expect(size.width(of: short) <= width && (short == text || short.hasSuffix("…")))
            for most in [1, 2, 3, 20] {
                let lines = size.wrapped(text, to: width, lines: most)
                #expect(lines.count <= most && lines.allSatisfy { size.width(of: $0) <= width })
                let whole = lines.joined().filter { $0 != " " }
                if whole.hasSuffix("…") {
                    #expect(text.filter { $0 != " " }.hasPrefix(whole.dropLast()) && lines.count == most)
                } else {
                    #expect(whole == text.filter { $0 != " " })
                }
            }
        }
        #expect(size.wrapped("", to: 50, lines: 2) == [""])
        #expect(size.wrapped("one two", to: 1000, lines: 1) == ["one two"])
    }
}
