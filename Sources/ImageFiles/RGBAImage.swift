/// A picture with straight (not premultiplied) alpha, as files and fonts hold it.
package struct RGBAImage: Equatable, Sendable {
    package let width: Int
    package let height: Int
    /// `height * width * 4` bytes.
    package var pixels: [UInt8]

    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "an image of \(width)×\(height) pixels")
        precondition(pixels.count == width * height * 4, "\(pixels.count) bytes for \(width)×\(height) pixels of 4")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The picture laid over a plain background, mixed in gamma space as browsers do.
    package func composited(over background: RGBColor = .white) -> RGBImage {
        var out = [UInt8](repeating: 0, count: width * height * 3)
        let ground = [Int(background.red), Int(background.green), Int(background.blue)]
        for pixel in 0..<width * height {
            let alpha = Int(pixels[4 * pixel + 3])
            for channel in 0..<3 {
                let mixed = Int(pixels[4 * pixel + channel]) * alpha + ground[channel] * (255 - alpha)
                out[3 * pixel + channel] = UInt8((mixed + 127) / 255)
            }
        }
        return RGBImage(width: width, height: height, pixels: out)
    }

    /// The picture in the middle of the smallest transparent square that holds it.
    package func squared() -> RGBAImage {
        guard width != height else { return self }
        let side = max(width, height)
        let left = (side - width) / 2
        let top = (side - height) / 2
        var out = [UInt8](repeating: 0, count: side * side * 4)
        for y in 0..<height {
            let from = y * width * 4
            let to = ((y + top) * side + left) * 4
            out.replaceSubrange(to..<to + width * 4, with: pixels[from..<from + width * 4])
        }
        return RGBAImage(width: side, height: side, pixels: out)
    }
}
