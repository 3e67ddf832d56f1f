package import CoreNets
package import CoreTensor

/// CLIP's image tower without its projection.
package final class CLIPVisionTransformer: Module {
    let embeddings: CLIPVisionEmbeddings
    let preNorm: LayerNorm
    let encoder: CLIPEncoder
    let postNorm: LayerNorm

    package init(_ configuration: CLIPVisionConfiguration) {
        let (width, epsilon) = (configuration.sizes.width, Float(configuration.sizes.normEpsilon))
        embeddings = CLIPVisionEmbeddings(configuration)
        preNorm = LayerNorm(channels: width, epsilon: epsilon)
        encoder = CLIPEncoder(configuration.sizes, causal: false)
        postNorm = LayerNorm(channels: width, epsilon: epsilon)
    }

    package var className: String { "CLIPVisionTransformer" }
    /// `pre_layrnorm` is misspelt in the reference library too.
    package var children: [(name: String, module: any Module)] {
        [
            ("embeddings", embeddings), ("pre_layrnorm", preNorm), ("encoder", encoder), ("post_layernorm", postNorm),
        ]
    }

    /// - Parameter pixels: `[N, S, S, 3]`, normalised.
    /// - Returns: the normed state of the class token, `[N, C]`.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let states = encoder(preNorm(embeddings(pixels))).last
        let (count, tokens, width) = (states.shape[0], states.shape[1], states.shape[2])
        return postNorm(slice(states.reshaped([count, tokens * width]), channels: 0..<width))
    }
}
