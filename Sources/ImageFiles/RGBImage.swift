/// An opaque picture: rows from the top, pixels from the left, three bytes (red, green, blue) each.
package struct RGBImage: Equatable, Sendable {
    package let width: Int
    package let height: Int
    /// `height * width * 3` bytes.
    package var pixels: [UInt8]

    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        precondition(pixels.count == width * height * 3, "\(pixels.count) bytes for \(width)×\(height) pixels of 3")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// A picture of one colour, white unless told otherwise.
    package init(width: Int, height: Int, fill: RGBColor = .white) {
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for pixel in 0..<width * height {
            pixels[3 * pixel] = fill.red
            pixels[3 * pixel + 1] = fill.green
            pixels[3 * pixel + 2] = fill.blue
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    package subscript(x: Int, y: Int) -> RGBColor {
        get {
            let at = 3 * (y * width + x)
            return RGBColor(red: pixels[at], green: pixels[at + 1], blue: pixels[at + 2])
        }
        set {
            let at = 3 * (y * width + x)
            pixels[at] = newValue.red
            pixels[at + 1] = newValue.green
            pixels[at + 2] = newValue.blue
        }
    }
}
