/// Which pixels of a picture are meant: yes or no for each.
package struct PixelMask: Equatable, Sendable {
    package let width: Int
    package let height: Int
    /// `height * width`, rows from the top.
    package let isSet: [Bool]

    /// White is set, black is not; between them the brighter half is set, by the luma that Pillow's `L` has
    /// (ITU-R 601-2).
    package init(_ image: RGBImage) {
        width = image.width
        height = image.height
        isSet = (0..<image.width * image.height).map { pixel in
            let (red, green, blue) = (
                Int(image.pixels[3 * pixel]), Int(image.pixels[3 * pixel + 1]), Int(image.pixels[3 * pixel + 2])
            )
            return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16 >= 128
        }
    }

    /// The pixels at the upper left of blocks, as 1 and 0, as torch's nearest interpolation by whole factors
    /// takes them.
    ///
    /// - Returns: rows of `width / factor` values.
    package func reduced(by factor: Int) -> [Float] {
        stride(from: 0, to: height / factor * factor, by: factor).flatMap { y in
            stride(from: 0, to: width / factor * factor, by: factor).map { x in isSet[y * width + x] ? 1 : 0 }
        }
    }

    /// `result` where the mask is set, `source` elsewhere.
    ///
    /// - Precondition: pictures of the mask's size.
    package func composed(_ result: RGBImage, over source: RGBImage) -> RGBImage {
        precondition(
            [result, source].allSatisfy { $0.width == width && $0.height == height },
            "pictures of another size than their mask")
        var composed = source
        for pixel in isSet.indices where isSet[pixel] {
            composed.pixels.replaceSubrange(3 * pixel..<3 * pixel + 3, with: result.pixels[3 * pixel..<3 * pixel + 3])
        }
        return composed
    }
}
