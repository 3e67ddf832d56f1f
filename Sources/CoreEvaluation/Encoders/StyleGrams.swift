package import CoreTensor

/// The style of one image: Gram matrices of an encoder's activations, one for each observed layer.
///
/// - SeeAlso: Gatys et al., arXiv:1508.06576. The frozen VAE encoder stands in for VGG-19: it ships with
///   every base.
package struct StyleGrams: Sendable {
    /// Each row-major `[c, c]`, divided by c·h·w.
    private var grams: [[Float]] = []

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
