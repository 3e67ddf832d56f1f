extension RGBImage {
    /// Copies `image` in; parts outside this picture are dropped.
    package mutating func draw(_ image: RGBImage, x: Int, y: Int) {
        for row in max(0, -y)..<max(max(0, -y), min(image.height, height - y)) {
            for column in max(0, -x)..<max(max(0, -x), min(image.width, width - x)) {
                self[x + column, y + row] = image[column, row]
            }
        }
    }

    /// Draws one line of text; what does not fit is dropped.
    ///
    /// - Parameter scale: pixels per dot of the font, which is 5 dots wide and 7 high.
    package mutating func draw(_ text: String, x: Int, y: Int, color: RGBColor = .black, scale: Int = 1) {
        for (index, character) in text.enumerated() {
            let left = x + index * BitmapFont.advance * scale
            for row in 0..<BitmapFont.glyphHeight * scale {
                for column in 0..<BitmapFont.glyphWidth * scale {
                    let at = (x: left + column, y: y + row)
                    guard at.x >= 0, at.x < width, at.y >= 0, at.y < height else { continue }
                    if BitmapFont.isInk(character, column: column / scale, row: row / scale) {
                        self[at.x, at.y] = color
                    }
                }
            }
        }
    }

    /// Pixels that a line of text takes.
    package static func textWidth(_ text: String, scale: Int = 1) -> Int {
        max(0, text.count * BitmapFont.advance - 1) * scale
    }
}
