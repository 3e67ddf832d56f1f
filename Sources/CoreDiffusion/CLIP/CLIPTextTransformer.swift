package import CoreNets
package import CoreTensor

/// CLIP's text tower without its projection.
package final class CLIPTextTransformer: Module {
    package let configuration: CLIPTextConfiguration
    let embeddings: CLIPTextEmbeddings
    let encoder: CLIPEncoder
    let norm: LayerNorm

    package init(_ configuration: CLIPTextConfiguration) {
        self.configuration = configuration
        embeddings = CLIPTextEmbeddings(configuration)
        encoder = CLIPEncoder(configuration.sizes, causal: true)
        norm = LayerNorm(channels: configuration.sizes.width, epsilon: Float(configuration.sizes.normEpsilon))
    }

    package var className: String { "CLIPTextTransformer" }
    package var children: [(name: String, module: any Module)] {
        [("embeddings", embeddings), ("encoder", encoder), ("final_layer_norm", norm)]
    }

    /// - Parameters:
    ///   - ids: rows of equal length.
    ///   - clipSkip: 1 takes the last layer's state; the final norm follows in any case.
    /// - Returns: states `[B, T, C]`, and the last layer's normed state at the end id, `[B, C]`.
    package func callAsFunction(_ ids: [[Int32]], clipSkip: Int = 1) -> (hidden: Tensor, pooled: Tensor) {
        let states = encoder(embeddings(ids), skip: clipSkip)
        let last = norm(states.last)
        return (clipSkip == 1 ? last : norm(states.kept), pooled(last, ids))
    }

    /// The states before the last layer, without the final norm (SDXL), and the pooled vector.
    ///
    /// - Parameter clipSkip: 1 takes the state before the last layer, 2 the one before that.
    package func penultimate(_ ids: [[Int32]], clipSkip: Int = 1) -> (hidden: Tensor, pooled: Tensor) {
        let states = encoder(embeddings(ids), skip: clipSkip + 1)
        return (states.kept, pooled(norm(states.last), ids))
    }

    private func pooled(_ normed: Tensor, _ ids: [[Int32]]) -> Tensor {
        let (count, length, width) = (normed.shape[0], normed.shape[1], normed.shape[2])
        let places = ids.enumerated().map { row, ids in row * length + endPosition(ids) }
        return rows(normed.reshaped([count * length, width]), places)
    }

    /// Where the prompt ends: transformers' rule, old configurations included.
    private func endPosition(_ ids: [Int32]) -> Int {
        if configuration.endID == 2 {
            return ids.indices.max { ids[$0] < ids[$1] || (ids[$0] == ids[$1] && $0 > $1) } ?? 0
        }
        return ids.firstIndex(of: configuration.endID) ?? 0
    }
}
