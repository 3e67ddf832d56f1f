/// A fixed font for labels on contact sheets: printable ASCII, five columns of seven pixels.
enum BitmapFont {
    static let glyphWidth = 5
    static let glyphHeight = 7
    /// One blank column between letters.
    static let advance = glyphWidth + 1

    /// Whether the pixel is ink. Characters outside printable ASCII are drawn as `?`.
    static func isInk(_ character: Character, column: Int, row: Int) -> Bool {
        let code = character.asciiValue.map(Int.init) ?? 63
        let index = (32...126).contains(code) ? code - 32 : 63 - 32
        return glyphs[index] >> UInt64(8 * column + row) & 1 == 1
    }

    /// From code 32: byte c of a value is column c, its lowest bit the top row.
    private static let glyphs: [UInt64] = [
        0x00_0000_0000, 0x00_005F_0000, 0x00_0700_0700, 0x14_7F14_7F14, 0x12_2A7F_2A24, 0x62_6408_1323, 0x50_2255_4936,
        0x00_0003_0500, 0x00_4122_1C00, 0x00_1C22_4100, 0x08_2A1C_2A08, 0x08_083E_0808, 0x00_0030_5000, 0x08_0808_0808,
        0x00_0060_6000, 0x02_0408_1020, 0x3E_4549_513E, 0x00_407F_4200, 0x46_4951_6142, 0x31_4B45_4121, 0x10_7F12_1418,
        0x39_4545_4527, 0x30_4949_4A3C, 0x03_0509_7101, 0x36_4949_4936, 0x1E_2949_4906, 0x00_0036_3600, 0x00_0036_5600,
        0x41_2214_0800, 0x14_1414_1414, 0x00_0814_2241, 0x06_0951_0102, 0x3E_4179_4932, 0x7E_1111_117E, 0x36_4949_497F,
        0x22_4141_413E, 0x1C_2241_417F, 0x41_4949_497F, 0x01_0109_097F, 0x32_5141_413E, 0x7F_0808_087F, 0x00_417F_4100,
        0x01_3F41_4020, 0x41_2214_087F, 0x40_4040_407F, 0x7F_0204_027F, 0x7F_1008_047F, 0x3E_4141_413E, 0x06_0909_097F,
        0x5E_2151_413E, 0x46_2919_097F, 0x31_4949_4946, 0x01_017F_0101, 0x3F_4040_403F, 0x1F_2040_201F, 0x7F_2018_207F,
        0x63_1408_1463, 0x03_0478_0403, 0x43_4549_5161, 0x41_417F_0000, 0x20_1008_0402, 0x00_007F_4141, 0x04_0201_0204,
        0x40_4040_4040, 0x00_0402_0100, 0x78_5454_5420, 0x38_4444_487F, 0x20_4444_4438, 0x7F_4844_4438, 0x18_5454_5438,
        0x02_0109_7E08, 0x3C_5454_1408, 0x78_0404_087F, 0x00_407D_4400, 0x00_3D44_4020, 0x44_2810_7F00, 0x00_407F_4100,
        0x78_0418_047C, 0x78_0404_087C, 0x38_4444_4438, 0x08_1414_147C, 0x7C_1814_1408, 0x08_0404_087C, 0x20_5454_5448,
        0x20_4044_3F04, 0x7C_2040_403C, 0x1C_2040_201C, 0x3C_4030_403C, 0x44_2810_2844, 0x3C_5050_500C, 0x44_4C54_6444,
        0x00_4136_0800, 0x00_007F_0000, 0x00_0836_4100, 0x02_0402_0102,
    ]
}
