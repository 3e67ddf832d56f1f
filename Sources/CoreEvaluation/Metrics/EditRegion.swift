import Glibc
package import ImageFiles

/// Where an edit changes a picture: the pixels in which source and target differ, and a margin around them.
package struct EditRegion: Equatable, Sendable {
    package enum Side: String, CaseIterable, Sendable { case inside, outside }

    package let width: Int
    package let height: Int
    /// Of each pixel, row by row.
    private let isInside: [Bool]

    /// What compression and resizing leave of equal pixels: of 255.
    static let tolerance = 12
    /// Pixels of the margin for each 64 of the longer side.
    static let marginShare = 64

    /// - Precondition: pictures of one size.
    package init(source: RGBImage, target: RGBImage) {
        precondition(source.width == target.width && source.height == target.height, "pictures of two sizes")
        (width, height) = (source.width, source.height)
        let differs = (0..<width * height).map { pixel in
            (3 * pixel..<3 * pixel + 3).contains {
                abs(Int(source.pixels[$0]) - Int(target.pixels[$0])) > Self.tolerance
            }
        }
        isInside = Self.widened(
            differs, width: width, margin: max(1, max(source.width, source.height) / Self.marginShare))
    }

    package func contains(_ x: Int, _ y: Int) -> Bool { isInside[y * width + x] }

    /// How many pixels lie there.
    package func count(_ side: Side) -> Int { isInside.count { $0 == (side == .inside) } }

    /// Peak signal-to-noise ratio in decibels over one side's pixels.
    ///
    /// At most `PixelMetrics.highestSignalToNoise`, 58.9 dB.
    /// - Returns: nil where there are no such pixels.
    package func signalToNoise(_ a: RGBImage, _ b: RGBImage, _ side: Side) -> Double? {
        precondition(
            a.width == width && a.height == height && b.pixels.count == a.pixels.count, "pictures of two sizes")
        var (sum, count) = (0.0, 0)
        for pixel in isInside.indices where isInside[pixel] == (side == .inside) {
            for index in 3 * pixel..<3 * pixel + 3 {
                let difference = Double(a.pixels[index]) - Double(b.pixels[index])
                sum += difference * difference
            }
            count += 3
        }
        guard count > 0 else { return nil }
        return min(-10 * log10(sum / Double(count) / (255 * 255)), PixelMetrics.highestSignalToNoise)
    }

    /// Structural similarity with Wang's window, averaged over the windows whose middle lies on one side.
    ///
    /// - Returns: nil where there is no such window, as of pictures smaller than it.
    package func structuralSimilarity(_ a: RGBImage, _ b: RGBImage, _ side: Side) -> Double? {
        guard let map = PixelMetrics.similarityMap(a, b, .gaussian) else { return nil }
        let (columns, margin) = (width - PixelMetrics.Window.gaussian.side + 1, PixelMetrics.Window.gaussian.side / 2)
        var (sum, count) = (0.0, 0)
        for (place, value) in map.enumerated()
        where contains(place % columns + margin, place / columns + margin) == (side == .inside) {
            sum += value
            count += 1
        }
        return count > 0 ? sum / Double(count) : nil
    }

    /// The picture on one side, the other one elsewhere: what a measure of whole pictures then finds lies on
    /// that side.
    package func composed(_ image: RGBImage, on side: Side, elsewhere: RGBImage) -> RGBImage {
        var out = elsewhere
        for pixel in isInside.indices where isInside[pixel] == (side == .inside) {
            for index in 3 * pixel..<3 * pixel + 3 { out.pixels[index] = image.pixels[index] }
        }
        return out
    }

    /// Every pixel that has a set one in the square of that margin around it.
    private static func widened(_ mask: [Bool], width: Int, margin: Int) -> [Bool] {
        let height = mask.count / width
        let wide = mask.indices.map { pixel in
            let (x, y) = (pixel % width, pixel / width)
            return (max(0, x - margin)...min(width - 1, x + margin)).contains { mask[y * width + $0] }
        }
        return wide.indices.map { pixel in
            let (x, y) = (pixel % width, pixel / width)
            return (max(0, y - margin)...min(height - 1, y + margin)).contains { wide[$0 * width + x] }
        }
    }
}
