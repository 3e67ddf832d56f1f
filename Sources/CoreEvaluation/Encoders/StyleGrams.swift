package import CoreTensor

/// The style of one image: Gram matrices of an encoder's activations, one for each observed layer.
///
/// - SeeAlso: Gatys et al., arXiv:1508.06576. Where no VGG-19 is named, the frozen VAE encoder stands in for
///   it: it ships with every base.
package struct StyleGrams: Sendable {
    /// Each row-major `[c, c]`, divided by c·h·w.
    fileprivate private(set) var grams: [[Float]] = []

    package init() {}

    /// - Parameter layer: the activations of the next layer, `[1, h, w, c]`.
    package mutating func add(_ layer: Tensor) {
        precondition(layer.shape.count == 4 && layer.shape[0] == 1, "activations of shape \(layer.shape)")
        let channels = layer.shape[3]
        grams.append(
            withoutGradients {
                let flat = layer.detached().reshaped([layer.count / channels, channels])
                return scaled(matmul(flat, flat, transposeA: true), by: 1 / Float(layer.count)).values
            })
    }

    /// Sum over the layers of the squared Frobenius distance.
    package func squaredDistance(to other: StyleGrams) -> Double {
        precondition(grams.map(\.count) == other.grams.map(\.count), "grams of different encoders")
        var sum = 0.0
        for (a, b) in zip(grams, other.grams) {
            for index in a.indices {
                let difference = Double(a[index]) - Double(b[index])
                sum += difference * difference
            }
        }
        return sum
    }
}

/// The styles of a set of pictures, as far as distances to them need it: the mean, and the spread around it.
package struct StyleSet: Sendable {
    private var sums: [[Double]] = []
    private var squares = 0.0
    private var count = 0

    package init() {}

    package mutating func add(_ style: StyleGrams) {
        if sums.isEmpty { sums = style.grams.map { $0.map { _ in 0 } } }
        precondition(sums.map(\.count) == style.grams.map(\.count), "grams of different encoders")
        for (layer, gram) in style.grams.enumerated() {
            for index in gram.indices {
                sums[layer][index] += Double(gram[index])
                squares += Double(gram[index]) * Double(gram[index])
            }
        }
        count += 1
    }

    /// Mean squared distance of a style to those of the set.
    package func meanSquaredDistance(to style: StyleGrams) -> Double {
        precondition(count > 0 && sums.map(\.count) == style.grams.map(\.count), "grams of different encoders")
        var (own, mixed) = (0.0, 0.0)
        for (sum, gram) in zip(sums, style.grams) {
            for index in gram.indices {
                own += Double(gram[index]) * Double(gram[index])
                mixed += Double(gram[index]) * sum[index]
            }
        }
        return own + (squares - 2 * mixed) / Double(count)
    }
}
