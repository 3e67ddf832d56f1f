package import CoreNets
package import CoreTensor

/// DINOv2's image encoder: one vector for an image, learnt without labels.
///
/// - SeeAlso: Oquab et al., “DINOv2: learning robust visual features without supervision”, arXiv:2304.07193.
package final class Dinov2Model: Module {
    package let configuration: Dinov2Configuration
    let embeddings: Dinov2Embeddings
    let layers: [Dinov2Layer]
    let norm: LayerNorm

    /// The weights are undefined until `load`.
    package init(configuration: Dinov2Configuration) {
        self.configuration = configuration
        embeddings = Dinov2Embeddings(configuration)
        layers = (0..<configuration.layers).map { _ in Dinov2Layer(configuration) }
        norm = LayerNorm(channels: configuration.width, epsilon: Float(configuration.normEpsilon))
    }

    package var className: String { "Dinov2Model" }
    package var children: [(name: String, module: any Module)] {
        [("embeddings", embeddings)] + layers.enumerated().map { ("encoder.layer.\($0)", $1) } + [("layernorm", norm)]
    }

    /// The normed state of the class token.
    ///
    /// - Parameter pixels: `[N, H, W, 3]`, normalised with ImageNet's mean and deviation; any size of at
    ///   least a patch.
    /// - Returns: `[N, C]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let states = layers.reduce(embeddings(pixels)) { $1($0) }
        let (count, tokens, width) = (states.shape[0], states.shape[1], states.shape[2])
        return norm(slice(states.reshaped([count, tokens * width]), channels: 0..<width))
    }

    /// The module tree's name for a name in a file: models with a head carry the encoder under `dinov2.`, and
    /// newer versions of transformers rename some members in memory.
    package static func rename(_ name: String) -> String? {
        if name.hasPrefix("classifier.") { return nil }
        return name.hasPrefix("dinov2.") ? String(name.dropFirst("dinov2.".count)) : name
    }
}
