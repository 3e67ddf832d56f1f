package import ImageFiles

/// Ways of drawing a picture anew by a filter, and the words that ask for them. The embedded base model
/// learns both.
package enum Rendering: String, CaseIterable, Codable, Sendable {
    case pixelArt, pencil, grayscale, watercolor, negative

    /// The caption of a subject drawn this way.
    package func caption(of subject: String) -> String {
        switch self {
        case .pixelArt: "\(subject) as pixel art"
        case .pencil: "\(subject) as a pencil drawing"
        case .grayscale: "\(subject) in grayscale"
        case .watercolor: "\(subject) as a watercolor painting"
        case .negative: "\(subject) in negative colors"
        }
    }

    /// The picture rendered so.
    package func applied(to image: RGBImage) -> RGBImage {
        switch self {
        case .pixelArt: Self.pixelated(image)
        case .pencil: Self.pencilled(image)
        case .grayscale: Self.mapped(image) { [$0, $0, $0] }
        case .watercolor: Self.watercoloured(image)
        case .negative: RGBImage(width: image.width, height: image.height, pixels: image.pixels.map { 255 - $0 })
        }
    }

    /// A quarter of the pixels each way, then back in squares.
    private static func pixelated(_ image: RGBImage) -> RGBImage {
        let (width, height) = (max(1, image.width / 4), max(1, image.height / 4))
        return image.resized(width: width, height: height, filter: .area)
            .resized(width: image.width, height: image.height, filter: .area)
    }

    /// Edges dark on white: the length of the brightness gradient (Sobel), inverted.
    private static func pencilled(_ image: RGBImage) -> RGBImage {
        let light = brightness(image)
        var out = RGBImage(width: image.width, height: image.height)
        let at = { (x: Int, y: Int) in
            light[min(max(y, 0), image.height - 1) * image.width + min(max(x, 0), image.width - 1)]
        }
        for y in 0..<image.height {
            for x in 0..<image.width {
                let left = at(x - 1, y - 1) + 2 * at(x - 1, y) + at(x - 1, y + 1)
                let right = at(x + 1, y - 1) + 2 * at(x + 1, y) + at(x + 1, y + 1)
                let above = at(x - 1, y - 1) + 2 * at(x, y - 1) + at(x + 1, y - 1)
                let below = at(x - 1, y + 1) + 2 * at(x, y + 1) + at(x + 1, y + 1)
                let (across, down) = (right - left, below - above)
                let grey = byte(255 - 0.6 * (across * across + down * down).squareRoot())
                out[x, y] = RGBColor(red: grey, green: grey, blue: grey)
            }
        }
        return out
    }

    /// Smoothed twice, few levels a channel, a little paper white.
    private static func watercoloured(_ image: RGBImage) -> RGBImage {
        let smooth = blurred(blurred(image, radius: 2), radius: 2)
        let pixels = smooth.pixels.map { value -> UInt8 in
            let level = (Float(value) / 255 * 4).rounded() / 4
            return byte(255 * (0.2 + 0.8 * level))
        }
        return RGBImage(width: image.width, height: image.height, pixels: pixels)
    }

    private static func blurred(_ image: RGBImage, radius: Int) -> RGBImage {
        var out = image
        for y in 0..<image.height {
            for x in 0..<image.width {
                var sum = (red: 0, green: 0, blue: 0, count: 0)
                for row in max(0, y - radius)...min(image.height - 1, y + radius) {
                    for column in max(0, x - radius)...min(image.width - 1, x + radius) {
                        let color = image[column, row]
                        sum.red += Int(color.red)
                        sum.green += Int(color.green)
                        sum.blue += Int(color.blue)
                        sum.count += 1
                    }
                }
                out[x, y] = RGBColor(
                    red: UInt8(sum.red / sum.count), green: UInt8(sum.green / sum.count),
                    blue: UInt8(sum.blue / sum.count))
            }
        }
        return out
    }

    private static func mapped(_ image: RGBImage, _ map: (UInt8) -> [UInt8]) -> RGBImage {
        RGBImage(width: image.width, height: image.height, pixels: brightness(image).flatMap { map(byte($0)) })
    }

    /// Luma with the weights of ITU-R BT.601, 0…255.
    private static func brightness(_ image: RGBImage) -> [Float] {
        (0..<image.width * image.height).map { pixel in
            0.299 * Float(image.pixels[3 * pixel]) + 0.587 * Float(image.pixels[3 * pixel + 1])
                + 0.114 * Float(image.pixels[3 * pixel + 2])
        }
    }

    private static func byte(_ value: Float) -> UInt8 { UInt8(max(0, min(255, value.rounded()))) }
}
