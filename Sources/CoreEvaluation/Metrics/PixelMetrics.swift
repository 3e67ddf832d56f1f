import Glibc
package import ImageFiles

/// What pixels alone say of a picture, or of two of one size.
package enum PixelMetrics {
    /// The two conventions of structural similarity that are in use.
    package enum Window: Sendable {
        /// Wang's: eleven pixels, weighted by a Gaussian of deviation 1.5, population covariance.
        case gaussian
        /// scikit-image's default: seven pixels, evenly weighted, sample covariance.
        case uniform

        var side: Int { self == .gaussian ? 11 : 7 }

        fileprivate var weights: [Double] {
            guard self == .gaussian else { return Array(repeating: 1 / Double(side), count: side) }
            let taps = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
            let sum = taps.reduce(0, +)
            return taps.map { $0 / sum }
        }

        /// What turns a weighted mean of products into the covariance.
        fileprivate var covarianceFactor: Double { self == .gaussian ? 1 : 49.0 / 48 }
    }

    /// Peak signal-to-noise ratio in decibels; infinite for equal pictures.
    package static func signalToNoise(_ a: RGBImage, _ b: RGBImage) -> Double {
        precondition(a.width == b.width && a.height == b.height, "pictures of two sizes")
        var sum = 0.0
        for index in a.pixels.indices {
            let difference = (Double(a.pixels[index]) - Double(b.pixels[index])) / 255
            sum += difference * difference
        }
        return -10 * log10(sum / Double(a.pixels.count))
    }

    /// The most that is told of pictures of 8 bits: an error below that of rounding to them, 1/12 of a step
    /// squared, counts as that. Equal pictures then have a value that means can be made of.
    package static let highestSignalToNoise = -10 * log10(1.0 / 12 / (255 * 255))

    /// Structural similarity on values from 0 to 1, averaged over all windows inside the picture and over the
    /// channels.
    ///
    /// - Returns: nil for pictures smaller than the window.
    /// - SeeAlso: Wang et al., "Image quality assessment: from error visibility to structural similarity",
    ///   2004.
    package static func structuralSimilarity(_ a: RGBImage, _ b: RGBImage, _ window: Window) -> Double? {
        precondition(a.width == b.width && a.height == b.height, "pictures of two sizes")
        guard min(a.width, a.height) >= window.side else { return nil }
        let channels = (0..<3).map { channel in
            let map = similarity(plane(a, channel), plane(b, channel), width: a.width, window)
            return map.reduce(0, +) / Double(map.count)
        }
        return channels.reduce(0, +) / 3
    }

    /// The same of each window inside the picture, row by row: `[height - side + 1, width - side + 1]`.
    ///
    /// - Returns: nil for pictures smaller than the window.
    static func similarityMap(_ a: RGBImage, _ b: RGBImage, _ window: Window) -> [Double]? {
        precondition(a.width == b.width && a.height == b.height, "pictures of two sizes")
        guard min(a.width, a.height) >= window.side else { return nil }
        let channels = (0..<3).map { similarity(plane(a, $0), plane(b, $0), width: a.width, window) }
        return channels[0].indices.map { (channels[0][$0] + channels[1][$0] + channels[2][$0]) / 3 }
    }

    private static func plane(_ image: RGBImage, _ channel: Int) -> [Double] {
        stride(from: channel, to: image.pixels.count, by: 3).map { Double(image.pixels[$0]) / 255 }
    }

    private static func similarity(_ a: [Double], _ b: [Double], width: Int, _ window: Window) -> [Double] {
        func product(_ x: [Double], _ y: [Double]) -> [Double] { zip(x, y).map { $0 * $1 } }
        func blurred(_ x: [Double]) -> [Double] { filtered(x, width: width, window.weights) }
        let (meanA, meanB) = (blurred(a), blurred(b))
        let (squareA, squareB, mixed) = (blurred(product(a, a)), blurred(product(b, b)), blurred(product(a, b)))
        let factor = window.covarianceFactor
        let (first, second) = (0.01 * 0.01, 0.03 * 0.03)
        return meanA.indices.map { index in
            let (x, y) = (meanA[index], meanB[index])
            let varianceA = factor * (squareA[index] - x * x)
            let varianceB = factor * (squareB[index] - y * y)
            let covariance = factor * (mixed[index] - x * y)
            return (2 * x * y + first) * (2 * covariance + second)
                / ((x * x + y * y + first) * (varianceA + varianceB + second))
        }
    }

    /// Weighted means of all windows that lie inside.
    private static func filtered(_ plane: [Double], width: Int, _ weights: [Double]) -> [Double] {
        let height = plane.count / width
        let (columns, rows) = (width - weights.count + 1, height - weights.count + 1)
        var wide = [Double](repeating: 0, count: height * columns)
        for row in 0..<height {
            for column in 0..<columns {
                var sum = 0.0
                for (offset, weight) in weights.enumerated() { sum += weight * plane[row * width + column + offset] }
                wide[row * columns + column] = sum
            }
        }
        var out = [Double](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for (offset, weight) in weights.enumerated() {
                for column in 0..<columns {
                    out[row * columns + column] += weight * wide[(row + offset) * columns + column]
                }
            }
        }
        return out
    }

    /// Mean saturation of the pixels in HSV, 0 to 1.
    package static func saturation(_ image: RGBImage) -> Double {
        var sum = 0.0
        for pixel in stride(from: 0, to: image.pixels.count, by: 3) {
            let largest = max(image.pixels[pixel], image.pixels[pixel + 1], image.pixels[pixel + 2])
            let smallest = min(image.pixels[pixel], image.pixels[pixel + 1], image.pixels[pixel + 2])
            if largest > 0 { sum += Double(largest - smallest) / Double(largest) }
        }
        return sum / Double(image.pixels.count / 3)
    }
}
