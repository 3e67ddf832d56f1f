import Foundation
package import ImageFiles

/// Colour bitmaps of a font with the tables CBLC and CBDT, as Noto Color Emoji has them.
///
/// Reads the character map (formats 4 and 12), the bitmap locations (index formats 1 to 5) of the largest
/// strike and PNG glyphs (image formats 17, 18 and 19). Source: OpenType 1.9, chapters cmap, CBLC and CBDT.
package struct EmojiFont {
    /// Where Debian's package fonts-noto-color-emoji puts the font.
    package static let defaultPath = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"

    package let path: String
    /// Glyph of each code point, for code points that have a bitmap.
    package let glyphs: [UInt32: Int]
    private let font: FontBytes
    private let bitmaps: [Int: BitmapLocations.Entry]

    /// - Throws: `DataError` for a font that is missing, not readable or without colour bitmaps.
    package init(path: String) throws {
        self.path = path
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw DataError(
                code: .missing, message: "\(path): the font cannot be read; install the package fonts-noto-color-emoji")
        }
        font = FontBytes(bytes: [UInt8](data), file: path)
        let tables = try Self.tables(of: font)
        guard let locations = tables["CBLC"], let pixels = tables["CBDT"], let map = tables["cmap"] else {
            throw DataError(
                code: .malformed,
                message:
                    "\(path): found tables \(tables.keys.sorted().joined(separator: " ")), wanted cmap, CBLC and CBDT: "
                    + "a font with colour bitmaps such as NotoColorEmoji.ttf")
        }
        let bitmaps = try BitmapLocations(font: font, locations: locations, pixels: pixels).entries
        self.bitmaps = bitmaps
        glyphs = try CharacterMap(font: font, table: map).glyphs.filter { bitmaps[$0.value] != nil }
    }

    /// Code points with a bitmap, ascending.
    package var codePoints: [UInt32] { glyphs.keys.sorted() }

    /// The PNG file of a code point's glyph as it stands in the font.
    ///
    /// - Throws: `DataError` for a font whose tables are broken.
    package func png(of codePoint: UInt32) throws -> [UInt8]? {
        guard let glyph = glyphs[codePoint], let entry = bitmaps[glyph] else { return nil }
        // Formats 17 and 18 begin with 5 or 8 bytes of metrics; all three then give the length of the PNG
        // data.
        let metrics: Int
        switch entry.imageFormat {
        case 17: metrics = 5
        case 18: metrics = 8
        case 19: metrics = 0
        default: throw font.damaged("glyph \(glyph) has image format \(entry.imageFormat), wanted 17, 18 or 19")
        }
        let size = try font.u32(entry.offset + metrics)
        return try font.slice(entry.offset + metrics + 4, count: size)
    }

    /// - Throws: `DataError` for a font whose tables are broken, `ImageFileError` for a broken bitmap.
    package func image(of codePoint: UInt32) throws -> RGBAImage? {
        guard let bytes = try png(of: codePoint) else { return nil }
        return try ImageFile.decode(bytes, name: "\(path) U+\(String(codePoint, radix: 16, uppercase: true))")
    }

    /// Offsets of the font's tables.
    private static func tables(of font: FontBytes) throws -> [String: Int] {
        let count = try font.u16(4)
        var tables: [String: Int] = [:]
        for index in 0..<count {
            let record = 12 + 16 * index
            let name = String(decoding: try font.slice(record, count: 4), as: UTF8.self)
            tables[name] = try font.u32(record + 8)
        }
        return tables
    }
}
