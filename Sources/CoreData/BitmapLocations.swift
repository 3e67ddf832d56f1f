/// The table CBLC: where in CBDT each glyph's bitmap stands. Only the strike with the most pixels per em is
/// read.
struct BitmapLocations {
    struct Entry: Equatable {
        let imageFormat: Int
        /// From the start of the file.
        let offset: Int
    }

    private(set) var entries: [Int: Entry] = [:]
    private let font: FontBytes
    private let pixels: Int

    init(font: FontBytes, locations: Int, pixels: Int) throws {
        self.font = font
        self.pixels = pixels
        let strikeCount = try font.count(at: locations + 4, of: 48)
        let strikes = try (0..<strikeCount).map { index in
            let at = locations + 8 + 48 * index
            return (size: try font.u8(at + 45), array: locations + (try font.u32(at)), count: try font.u32(at + 8))
        }
        guard let strike = strikes.max(by: { $0.size < $1.size }) else { throw font.damaged("CBLC without a strike") }
        var glyphs = 0
        for index in 0..<strike.count {
            let at = strike.array + 8 * index
            let range = (first: try font.u16(at), last: try font.u16(at + 2))
            guard range.first <= range.last else { throw font.damaged("glyphs \(range.first)...\(range.last)") }
            // No glyph stands in two ranges, and glyph numbers have 16 bits.
            glyphs += range.last - range.first + 1
            guard glyphs <= 1 << 16 else { throw font.damaged("\(glyphs) glyphs in one strike") }
            try add(subtable: strike.array + (try font.u32(at + 4)), first: range.first, last: range.last)
        }
    }

    private mutating func add(subtable at: Int, first: Int, last: Int) throws {
        let (indexFormat, imageFormat) = (try font.u16(at), try font.u16(at + 2))
        let base = pixels + (try font.u32(at + 4))
        let body = at + 8
        func record(_ glyph: Int, _ offset: Int) {
            entries[glyph] = Entry(imageFormat: imageFormat, offset: base + offset)
        }
        switch indexFormat {
        case 1, 3:  // an offset per glyph and one behind the last; equal neighbours mean no bitmap
            for glyph in first...last {
                let at = body + (glyph - first) * (indexFormat == 1 ? 4 : 2)
                let offset = indexFormat == 1 ? try font.u32(at) : try font.u16(at)
                let next = indexFormat == 1 ? try font.u32(at + 4) : try font.u16(at + 2)
                if next > offset { record(glyph, offset) }
            }
        case 2:  // all of one size
            let size = try font.u32(body)
            for glyph in first...last { record(glyph, (glyph - first) * size) }
        case 4:  // pairs of glyph and offset
            for index in 0..<(try font.u32(body)) {
                record(try font.u16(body + 4 + 4 * index), try font.u16(body + 6 + 4 * index))
            }
        case 5:  // all of one size, glyphs listed; 8 bytes of metrics stand between size and count
            let size = try font.u32(body)
            for index in 0..<(try font.u32(body + 12)) { record(try font.u16(body + 16 + 2 * index), index * size) }
        default: throw font.damaged("bitmap index format \(indexFormat), wanted 1 to 5")
        }
    }
}
