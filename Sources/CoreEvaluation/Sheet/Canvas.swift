import ImageFiles

/// A picture under construction: fills, pastes and small text.
struct Canvas {
    private(set) var image: RGBImage

    init(width: Int, height: Int) { image = RGBImage(width: width, height: height) }

    /// Copies `source` with its upper left corner at (x, y); what hangs over the edge is dropped.
    mutating func paste(_ source: RGBImage, x: Int, y: Int) {
        for row in 0..<min(source.height, image.height - y) {
            let count = 3 * min(source.width, image.width - x)
            let from = 3 * row * source.width
            let to = 3 * ((y + row) * image.width + x)
            image.pixels.replaceSubrange(to..<to + count, with: source.pixels[from..<from + count])
        }
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: RGBColor) {
        for row in y..<min(y + height, image.height) {
            for column in x..<min(x + width, image.width) { image[column, row] = color }
        }
    }

    /// Text in the 5×7 font, enlarged `scale` times; a text wider than `width` pixels is cut.
    mutating func write(
        _ text: String, x: Int, y: Int, width: Int = .max, scale: Int = 1, _ color: RGBColor = .black
    ) {
        let room = width == .max ? text.count : width / (BitmapFont.width * scale)
        for (index, character) in text.prefix(room).enumerated() {
            for (column, bits) in BitmapFont.columns(of: character).enumerated() {
                for row in 0..<BitmapFont.height where bits >> UInt8(row) & 1 == 1 {
                    let left = x + (index * BitmapFont.width + column) * scale
                    fill(x: left, y: y + row * scale, width: scale, height: scale, color)
                }
            }
        }
    }
}
