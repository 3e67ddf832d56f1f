package import RunSpec

/// The picture sizes that images of different aspects are sorted into: all of about one area, sides in whole
/// steps.
///
/// - SeeAlso: kohya's sd-scripts, `make_bucket_resolutions`; for 512 × 512 and steps of 64 its 17 sizes come
///   out.
package struct BucketSizes: Equatable, Sendable {
    /// Sorted by width.
    package let sizes: [PixelSize]

    /// - Parameters:
    ///   - target: the area to keep.
    ///   - step: all sides are multiples of it, in pixels.
    /// Sides reach from half to twice the square's.
    package init(target: PixelSize, step: Int) {
        precondition(target.width > 0 && target.height > 0 && step > 0, "buckets of \(target) in steps of \(step)")
        let area = target.width * target.height
        let side = max(step, Int(Double(area).squareRoot()) / step * step)
        let (smallest, largest) = (max(step, side / 2 / step * step), 2 * side)
        var found: Set<PixelSize> = [PixelSize(width: side, height: side)]
        for width in stride(from: smallest, through: largest, by: step) {
            let height = min(largest, area / width / step * step)
            guard height >= smallest else { continue }
            found.insert(PixelSize(width: width, height: height))
            found.insert(PixelSize(width: height, height: width))
        }
        sizes = found.sorted { ($0.width, $0.height) < ($1.width, $1.height) }
    }

    /// One size for all.
    package init(only size: PixelSize) {
        sizes = [size]
    }

    /// The bucket of an image: its own size if there is such a bucket, else that of the nearest aspect.
    package func bucket(of image: PixelSize) -> PixelSize {
        if sizes.contains(image) { return image }
        func distance(_ size: PixelSize) -> Double {
            abs(Double(size.width) / Double(size.height) - Double(image.width) / Double(image.height))
        }
        return sizes.min { distance($0) < distance($1) } ?? image
    }
}
