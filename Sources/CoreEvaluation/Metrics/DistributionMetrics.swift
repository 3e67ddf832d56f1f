import CoreTensor
import Glibc

/// How far two sets of feature rows lie apart as samples of two distributions.
package enum DistributionMetrics {
    /// Kernel inception distance: the unbiased estimate of the squared maximum mean discrepancy with the
    /// kernel (x·y / d + 1)³ on the vectors as the encoder gave them. All rows are one subset, so nothing is
    /// drawn by chance; being unbiased, it may be below 0.
    ///
    /// - Returns: nil with fewer than two rows on either side.
    /// - SeeAlso: Bińkowski et al., "Demystifying MMD GANs", arXiv:1801.01401.
    package static func kernelDistance(_ a: FeatureRows, _ b: FeatureRows) -> Double? {
        guard a.count > 1, b.count > 1 else { return nil }
        let width = Double(a.width)
        func kernel(_ x: FeatureRows, _ i: Int, _ y: FeatureRows, _ j: Int) -> Double {
            let scale = Double(x.lengths[i]) * Double(y.lengths[j])
            let value = FeatureMetrics.dot(x.row(i), y.row(j)) * scale / width + 1
            return value * value * value
        }
        return within(a, kernel, unbiased: true) + within(b, kernel, unbiased: true) - 2 * between(a, b, kernel)
    }

    /// CMMD: 1000 times the squared maximum mean discrepancy of unit vectors with a Gaussian kernel of
    /// deviation 10, diagonals included as in the reference.
    ///
    /// - SeeAlso: Jayasumana et al., "Rethinking FID", arXiv:2401.09603.
    package static func gaussianDiscrepancy(_ a: FeatureRows, _ b: FeatureRows) -> Double {
        func kernel(_ x: FeatureRows, _ i: Int, _ y: FeatureRows, _ j: Int) -> Double {
            let squares = FeatureMetrics.dot(x.row(i), x.row(i)) + FeatureMetrics.dot(y.row(j), y.row(j))
            return exp(-max(0, squares - 2 * FeatureMetrics.dot(x.row(i), y.row(j))) / 200)
        }
        let inside = within(a, kernel, unbiased: false) + within(b, kernel, unbiased: false)
        return 1000 * (inside - 2 * between(a, b, kernel))
    }

    private typealias Kernel = (FeatureRows, Int, FeatureRows, Int) -> Double

    private static func within(_ a: FeatureRows, _ kernel: Kernel, unbiased: Bool) -> Double {
        var sum = 0.0
        for i in 0..<a.count {
            for j in 0..<i { sum += 2 * kernel(a, i, a, j) }
            if !unbiased { sum += kernel(a, i, a, i) }
        }
        return sum / (Double(a.count) * Double(unbiased ? a.count - 1 : a.count))
    }

    private static func between(_ a: FeatureRows, _ b: FeatureRows, _ kernel: Kernel) -> Double {
        var sum = 0.0
        for i in 0..<a.count {
            for j in 0..<b.count { sum += kernel(a, i, b, j) }
        }
        return sum / (Double(a.count) * Double(b.count))
    }

    /// Sliced Wasserstein distance of order 2 between unit vectors: the root of the mean, over directions, of
    /// the squared distance of the two sets' quantile functions.
    ///
    /// - Parameter directions: unit vectors, row-major.
    /// - SeeAlso: Bonneel et al., "Sliced and Radon Wasserstein Barycenters of Measures", 2015.
    package static func slicedWasserstein(
        _ a: FeatureRows, _ b: FeatureRows, directions: FeatureRows
    ) -> Double {
        var sum = 0.0
        for direction in 0..<directions.count {
            let line = directions.row(direction)
            func shadow(_ rows: FeatureRows) -> [Double] {
                (0..<rows.count).map { FeatureMetrics.dot(rows.row($0), line) }.sorted()
            }
            sum += squaredQuantileDistance(shadow(a), shadow(b))
        }
        return (sum / Double(directions.count)).squareRoot()
    }

    /// Directions that every evaluation with vectors of this width uses: evenly spread by chance, always the
    /// same ones.
    package static func directions(width: Int, count: Int = 500) -> FeatureRows {
        var random = RandomStream(seed: 0, purpose: "sliced-wasserstein")
        let values = (0..<count * width).map { _ in random.normal() }
        return FeatureRows(normalizing: values, count: count)
    }

    /// ∫ (F⁻¹(t) − G⁻¹(t))² dt of two samples' quantile functions, each sorted.
    private static func squaredQuantileDistance(_ a: [Double], _ b: [Double]) -> Double {
        var (i, j) = (0, 0)
        var (sum, place) = (0.0, 0.0)
        while i < a.count, j < b.count {
            let (endOfA, endOfB) = (Double(i + 1) / Double(a.count), Double(j + 1) / Double(b.count))
            let end = min(endOfA, endOfB)
            sum += (end - place) * (a[i] - b[j]) * (a[i] - b[j])
            place = end
            if endOfA <= end { i += 1 }
            if endOfB <= end { j += 1 }
        }
        return sum
    }
}
