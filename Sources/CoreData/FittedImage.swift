package import ImageFiles
package import RunSpec

/// A training image brought to the size of its bucket.
package struct FittedImage: Sendable {
    package let image: RGBImage
    /// Of the file, in pixels.
    package let original: PixelSize
    /// Where the original's aspect lies inside the bucket, which SDXL is told.
    package let crop: (top: Int, left: Int)

    /// What the file's reader told (`ImageFile.Decoded`).
    package var warning: String?

    /// Of the bucket.
    package var size: PixelSize { PixelSize(width: image.width, height: image.height) }

    /// Where the mirrored original begins: as far from the left as the plain one from the right.
    package let mirroredCropLeft: Int

    /// Resizes so that the image covers the size, and cuts equally on both sides.
    package init(_ source: RGBImage, covering size: PixelSize) {
        original = PixelSize(width: source.width, height: source.height)
        let aspect = Double(source.width) / Double(source.height)
        let isWider = aspect > Double(size.width) / Double(size.height)
        let scale =
            isWider ? Double(size.height) / Double(source.height) : Double(size.width) / Double(source.width)
        let width = max(size.width, Int(Double(source.width) * scale + 0.5))
        let height = max(size.height, Int(Double(source.height) * scale + 0.5))
        image = source.resized(width: width, height: height).cropped(
            x: (width - size.width) / 2, y: (height - size.height) / 2, width: size.width, height: size.height)
        // Fitted inside the bucket, the original leaves a margin on one pair of sides.
        let inside =
            isWider
            ? (width: Double(size.width), height: Double(size.width) / aspect)
            : (width: Double(size.height) * aspect, height: Double(size.height))
        let left = max(0, Int(((Double(size.width) - inside.width) / 2).rounded(.down)))
        mirroredCropLeft = max(0, size.width - left - Int(inside.width))
        crop = (
            top: max(0, Int(((Double(size.height) - inside.height) / 2).rounded(.down))),
            left: left
        )
    }

    /// The same picture, mirrored left to right.
    package static func mirrored(_ image: RGBImage) -> RGBImage {
        var result = image
        for y in 0..<image.height {
            for x in 0..<image.width { result[x, y] = image[image.width - 1 - x, y] }
        }
        return result
    }
}
