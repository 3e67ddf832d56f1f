/// What single images owe to single pictures of the concept, on normalised feature rows; one value an image.
///
/// The mean over all pairs (`FeatureMetrics.imageSimilarity`) prefers smeared averages of all pictures. An
/// image drawn from a training caption has one picture that it should be like: these say whether it is.
package enum PictureMetrics {
    /// Cosines that are nearer to each other than this are equal: those of identical pictures differ in the
    /// last bits.
    package static let tolerance = 1e-6
    /// Which of the pictures' cosines to their nearest other one an image must pass to count as a copy.
    package static let copyingPercentile = 0.95

    /// Cosine of each image to the picture whose caption it was drawn from.
    ///
    /// - Parameter own: for each image the row of its picture.
    package static func pairedFidelity(_ images: FeatureRows, _ pictures: FeatureRows, own: [Int]) -> [Double] {
        precondition(own.count == images.count, "\(own.count) pictures of \(images.count) images")
        return own.indices.map { FeatureMetrics.dot(images.row($0), pictures.row(own[$0])) }
    }

    /// 1 for each image that has no nearer picture than its own, 0 for others. Of identical pictures each is
    /// as near.
    ///
    /// - Returns: nil where there is one picture alone, which is always the nearest.
    package static func ownPictureRetrieval(
        _ images: FeatureRows, _ pictures: FeatureRows, own: [Int]
    ) -> [Double]? {
        guard pictures.count > 1 else { return nil }
        let fidelity = pairedFidelity(images, pictures, own: own)
        return zip(fidelity, nearestSimilarity(images, pictures)).map { $0 >= $1 - tolerance ? 1 : 0 }
    }

    /// Cosine of each image to the nearest picture.
    package static func nearestSimilarity(_ images: FeatureRows, _ pictures: FeatureRows) -> [Double] {
        (0..<images.count).map { image in
            (0..<pictures.count).map { FeatureMetrics.dot(images.row(image), pictures.row($0)) }.max() ?? -1
        }
    }

    /// Mean cosine of each image to the pictures.
    package static func meanSimilarity(_ images: FeatureRows, _ pictures: FeatureRows) -> [Double] {
        let centroid = pictures.centroid
        return (0..<images.count).map { image in
            zip(images.row(image), centroid).reduce(0) { $0 + Double($1.0) * $1.1 }
        }
    }

    /// How near pictures lie to each other: the 95th percentile of their cosines to the nearest other one,
    /// interpolated.
    ///
    /// - Returns: nil for a single picture.
    package static func copyingThreshold(_ pictures: FeatureRows) -> Double? {
        guard pictures.count > 1 else { return nil }
        let nearest = (0..<pictures.count).map { place in
            (0..<pictures.count).filter { $0 != place }
                .map { FeatureMetrics.dot(pictures.row(place), pictures.row($0)) }.max() ?? -1
        }.sorted()
        let position = copyingPercentile * Double(nearest.count - 1)
        let (low, part) = (Int(position), position - Double(Int(position)))
        return nearest[low] + part * (nearest[min(low + 1, nearest.count - 1)] - nearest[low])
    }

    /// 1 for each image that lies nearer to a picture than pictures lie to each other, 0 for others.
    package static func copying(
        _ images: FeatureRows, _ pictures: FeatureRows, threshold: Double
    ) -> [Double] {
        nearestSimilarity(images, pictures).map { $0 > threshold + tolerance ? 1 : 0 }
    }

    /// The largest mean cosine to these pictures that any image can have: the length of their mean.
    package static func similarityBound(_ pictures: FeatureRows) -> Double {
        pictures.centroid.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}

extension PictureMetrics {
    /// How much nearer to the pictures each image lies than the base's image of the same prompt and noise.
    package static func leakage(_ images: FeatureRows, base: FeatureRows, _ pictures: FeatureRows) -> [Double] {
        zip(meanSimilarity(images, pictures), meanSimilarity(base, pictures)).map { $0 - $1 }
    }

    /// Whether each image's change from another follows the change of their texts: the cosine of the two
    /// differences of unit vectors.
    ///
    /// - Parameters:
    ///   - origins: for each image the one it is a change of.
    ///   - originTexts: their texts.
    /// - Returns: nil for an image where either difference is nothing.
    /// - SeeAlso: Gal et al., "StyleGAN-NADA", arXiv:2108.00946.
    package static func direction(
        _ images: FeatureRows, from origins: FeatureRows, texts: FeatureRows, from originTexts: FeatureRows
    ) -> [Double?] {
        precondition(
            [origins.count, texts.count, originTexts.count].allSatisfy { $0 == images.count },
            "one of each for an image")
        func difference(_ a: FeatureRows, _ b: FeatureRows, _ row: Int) -> [Double] {
            zip(a.row(row), b.row(row)).map { Double($0) - Double($1) }
        }
        return (0..<images.count).map { row in
            let (seen, said) = (difference(images, origins, row), difference(texts, originTexts, row))
            let (lengthSeen, lengthSaid) = (length(seen), length(said))
            guard lengthSeen > 1e-6, lengthSaid > 1e-6 else { return nil }
            return zip(seen, said).reduce(0) { $0 + $1.0 * $1.1 } / (lengthSeen * lengthSaid)
        }
    }

    private static func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

extension FeatureMetrics {
    static func dot(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}
