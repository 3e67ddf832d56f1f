import CImageFiles
import Foundation

/// The letters of DejaVu Sans at one size, as `Sources/CImageFiles/Font/make_font.py` wrote them.
struct GlyphTable: Sendable {
    /// Where a letter's ink lies, and how strong it is.
    struct Glyph: Sendable {
        /// Pixels from one letter to the next.
        let advance: Int
        /// The ink's corner, from the pen and from the top of the line.
        let left: Int
        let top: Int
        let width: Int
        let height: Int
        /// Where its alpha begins in `alpha`.
        let start: Int
    }

    /// Rows above the base line, and below it.
    let above: Int
    let below: Int
    private let glyphs: [UInt32: Glyph]
    /// Two pixels a byte.
    private let alpha: [UInt8]

    /// One table a size, in the order of `TextSize`.
    static let all: [GlyphTable] = {
        var count = 0
        let bytes = [UInt8](UnsafeBufferPointer(start: radiata_font_glyphs(&count), count: count))
        return (0..<number(bytes, 0, 4)).map { GlyphTable(bytes, head: 4 + 16 * $0) }
    }()

    private init(_ bytes: [UInt8], head: Int) {
        func short(_ at: Int) -> Int { Self.number(bytes, at, 2) }
        func signed(_ at: Int) -> Int { Int(Int8(bitPattern: bytes[at])) }
        above = short(head + 2)
        below = short(head + 4)
        let table = Self.number(bytes, head + 8, 4)
        let alphas = Self.number(bytes, head + 12, 4)
        var (glyphs, end): ([UInt32: Glyph], Int) = ([:], 0)
        for index in 0..<short(head + 6) {
            let at = table + 12 * index
            let glyph = Glyph(
                advance: signed(at + 2), left: signed(at + 3), top: signed(at + 4), width: Int(bytes[at + 5]),
                height: Int(bytes[at + 6]), start: Self.number(bytes, at + 8, 4))
            glyphs[UInt32(short(at))] = glyph
            end = max(end, glyph.start + (glyph.width * glyph.height + 1) / 2)
        }
        self.glyphs = glyphs
        alpha = Array(bytes[alphas..<alphas + end])
    }

    /// nil for a character that is not in the table.
    subscript(_ character: Character) -> Glyph? {
        let scalars = character.unicodeScalars
        if scalars.count == 1, let scalar = scalars.first { return glyphs[Self.plain(scalar).value] }
        // A letter and its accent, where they have a code of their own.
        let whole = String(character).precomposedStringWithCanonicalMapping.unicodeScalars
        return whole.count == 1 ? whole.first.flatMap { glyphs[$0.value] } : nil
    }

    /// From 0 (nothing) to 15 (ink).
    func level(_ glyph: Glyph, _ column: Int, _ row: Int) -> Int {
        let place = row * glyph.width + column
        let byte = alpha[glyph.start + place / 2]
        return Int(place.isMultiple(of: 2) ? byte >> 4 : byte & 15)
    }

    /// Every kind of line end and tabulator is a space here: text is one line.
    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        scalar.properties.isWhitespace && scalar.value < 0x2000 ? " " : scalar
    }

    private static func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
}
