extension RGBImage {
    /// Copies `image` in; parts outside this picture are dropped.
    package mutating func draw(_ image: RGBImage, x: Int, y: Int) {
        let columns = max(0, -x)..<max(max(0, -x), min(image.width, width - x))
        guard !columns.isEmpty else { return }
        for row in max(0, -y)..<max(max(0, -y), min(image.height, height - y)) {
            let from = 3 * (row * image.width + columns.lowerBound)
            let to = 3 * ((y + row) * width + x + columns.lowerBound)
            pixels.replaceSubrange(
                to..<to + 3 * columns.count, with: image.pixels[from..<from + 3 * columns.count])
        }
    }

    /// Paints a rectangle; parts outside this picture are dropped.
    package mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: RGBColor) {
        for row in max(0, y)..<max(max(0, y), min(y + height, self.height)) {
            for column in max(0, x)..<max(max(0, x), min(x + width, self.width)) { self[column, row] = color }
        }
    }

    /// Draws the line around a rectangle, within it.
    package mutating func frame(x: Int, y: Int, width: Int, height: Int, line: Int = 1, _ color: RGBColor) {
        fill(x: x, y: y, width: width, height: line, color)
        fill(x: x, y: y + height - line, width: width, height: line, color)
        fill(x: x, y: y, width: line, height: height, color)
        fill(x: x + width - line, y: y, width: line, height: height, color)
    }

    /// Draws one line of text; what does not fit is dropped.
    ///
    /// - Parameters:
    ///   - x: where the first letter begins.
    ///   - y: the top of the line, which is `size.lineHeight` high.
    package mutating func draw(_ text: String, x: Int, y: Int, size: TextSize = .small, color: RGBColor = .black) {
        let table = size.table
        var pen = x
        for character in text {
            if let glyph = table[character] {
                draw(glyph, of: table, x: pen, y: y, color)
            } else {
                let side = size.boxAdvance - 2
                frame(x: pen + 1, y: y + table.above - side - 1, width: side, height: side + 1, color)
            }
            pen += size.advance(character)
        }
    }

    private mutating func draw(_ glyph: GlyphTable.Glyph, of table: GlyphTable, x: Int, y: Int, _ color: RGBColor) {
        for row in 0..<glyph.height {
            for column in 0..<glyph.width {
                let at = (x: x + glyph.left + column, y: y + glyph.top + row)
                let level = table.level(glyph, column, row)
                guard level > 0, at.x >= 0, at.x < width, at.y >= 0, at.y < height else { continue }
                let under = self[at.x, at.y]
                func mixed(_ ink: UInt8, _ ground: UInt8) -> UInt8 {
                    UInt8((Int(ink) * level + Int(ground) * (15 - level) + 7) / 15)
                }
                self[at.x, at.y] = RGBColor(
                    red: mixed(color.red, under.red), green: mixed(color.green, under.green),
                    blue: mixed(color.blue, under.blue))
            }
        }
    }
}
