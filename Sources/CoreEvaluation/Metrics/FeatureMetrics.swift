import Glibc

/// The metrics of the LyCORIS paper on normalised feature rows.
///
/// - SeeAlso: Yeh et al., arXiv:2309.14859, section 5; Friedman and Dieng, "The Vendi Score",
///   arXiv:2210.02410.
package enum FeatureMetrics {
    /// Mean cosine over all pairs (generated, reference): the product of the two centroids.
    package static func imageSimilarity(_ generated: FeatureRows, _ reference: FeatureRows) -> Double {
        zip(generated.centroid, reference.centroid).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Squared distance of the two centroids; unlike the similarity it does not reward little diversity.
    package static func squaredCentroidDistance(_ generated: FeatureRows, _ reference: FeatureRows) -> Double {
        zip(generated.centroid, reference.centroid).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// Mean cosine of each image with its own text.
    package static func textSimilarity(_ images: FeatureRows, _ texts: FeatureRows) -> Double {
        precondition(images.count == texts.count && images.width == texts.width, "one text for each image")
        var sum = 0.0
        for index in images.values.indices { sum += Double(images.values[index]) * Double(texts.values[index]) }
        return sum / Double(images.count)
    }

    /// Cosine of each image with its own text.
    package static func textSimilarities(_ images: FeatureRows, _ texts: FeatureRows) -> [Double] {
        precondition(images.count == texts.count && images.width == texts.width, "one text for each image")
        return (0..<images.count).map { dot(images.row($0), texts.row($0)) }
    }

    /// Vendi score of order 1: `exp(-Σ λ ln λ)` over the eigenvalues of `X Xᵀ / n`; from 1 (all alike) to n
    /// (all orthogonal).
    ///
    /// Where there are more images than features, `Xᵀ X / n` has the same eigenvalues other than zero and is
    /// smaller.
    ///
    /// - Parameter order: q of the Rényi entropy, `exp(ln Σ λ^q / (1 - q))`: below 1 rare images count more,
    ///   above 1 less; infinity looks at the largest eigenvalue alone.
    /// - SeeAlso: Pasarkar and Dieng, "Cousins of the Vendi Score", arXiv:2310.12952.
    package static func vendi(_ images: FeatureRows, order: Double = 1) -> Double {
        let eigenvalues = SymmetricEigenvalues.of(gram(images), size: min(images.count, images.width))
            .filter { $0 > 1e-12 }
        switch order {
        case 1: return exp(eigenvalues.reduce(0.0) { $0 - $1 * log($1) })
        case .infinity: return 1 / (eigenvalues.max() ?? 1)
        default: return exp(log(eigenvalues.reduce(0.0) { $0 + pow($1, order) }) / (1 - order))
        }
    }

    /// `X Xᵀ / n` or, when that is smaller, `Xᵀ X / n`, row-major.
    private static func gram(_ images: FeatureRows) -> [Double] {
        let (count, width) = (images.count, images.width)
        let byRow = count <= width
        let size = min(count, width)
        var result = [Double](repeating: 0, count: size * size)
        for i in 0..<size {
            for j in i..<size {
                var sum = 0.0
                for k in 0..<max(count, width) {
                    let a = byRow ? images.values[i * width + k] : images.values[k * width + i]
                    let b = byRow ? images.values[j * width + k] : images.values[k * width + j]
                    sum += Double(a) * Double(b)
                }
                result[i * size + j] = sum / Double(count)
                result[j * size + i] = sum / Double(count)
            }
        }
        return result
    }
}
