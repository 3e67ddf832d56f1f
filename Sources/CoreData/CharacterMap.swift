/// The table cmap: code points to glyph numbers. The widest subtable of format 12 or 4 is used.
struct CharacterMap {
    let glyphs: [UInt32: Int]

    init(font: FontBytes, table: Int) throws {
        var best: (format: Int, offset: Int)?
        for index in 0..<(try font.u16(table + 2)) {
            let offset = table + (try font.u32(table + 4 + 8 * index + 4))
            let format = try font.u16(offset)
            if format == 12 || format == 4, format > best?.format ?? 0 { best = (format, offset) }
        }
        guard let best else { throw font.damaged("no character map of format 4 or 12") }
        glyphs =
            best.format == 12
            ? try Self.segmentedCoverage(font, best.offset) : try Self.segmentMapping(font, best.offset)
    }

    /// Format 12: groups of (first, last, glyph of the first).
    private static func segmentedCoverage(_ font: FontBytes, _ table: Int) throws -> [UInt32: Int] {
        var glyphs: [UInt32: Int] = [:]
        var next = 0
        for group in 0..<(try font.count(at: table + 12, of: 12)) {
            let at = table + 16 + 12 * group
            let (first, last, glyph) = (try font.u32(at), try font.u32(at + 4), try font.u32(at + 8))
            // Groups ascend: otherwise a few of them would cover millions of code points again and again.
            guard next <= first, first <= last, last <= 0x10FFFF else {
                throw font.damaged("a character group \(first)...\(last)")
            }
            next = last + 1
            for code in first...last { glyphs[UInt32(code)] = glyph + code - first }
        }
        return glyphs
    }

    /// Format 4: segments with a delta, or an offset into an array of glyphs that follows the offsets.
    private static func segmentMapping(_ font: FontBytes, _ table: Int) throws -> [UInt32: Int] {
        let doubled = try font.u16(table + 6)
        let (ends, starts) = (table + 14, table + 16 + doubled)
        let (deltas, offsets) = (starts + doubled, starts + 2 * doubled)
        var glyphs: [UInt32: Int] = [:]
        var next = 0
        for segment in stride(from: 0, to: doubled, by: 2) {
            let (first, last) = (try font.u16(starts + segment), try font.u16(ends + segment))
            let (delta, offset) = (try font.u16(deltas + segment), try font.u16(offsets + segment))
            guard next <= first, first <= last else { throw font.damaged("a character segment \(first)...\(last)") }
            next = last + 1
            for code in first...last where code != 0xFFFF {
                var glyph = code
                if offset != 0 {
                    glyph = try font.u16(offsets + segment + offset + 2 * (code - first))
                    if glyph == 0 { continue }
                }
                glyphs[UInt32(code)] = (glyph + delta) & 0xFFFF
            }
        }
        return glyphs.filter { $0.value != 0 }
    }
}
