package import CoreNets
package import CoreTensor

/// Stable Diffusion's text encoder.
package final class CLIPTextModel: Module {
    package let configuration: CLIPTextConfiguration
    package let transformer: CLIPTextTransformer
    let projection: Linear?

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: CLIPTextConfiguration) {
        self.configuration = configuration
        transformer = CLIPTextTransformer(configuration)
        projection =
            configuration.hasProjection
            ? Linear(inputs: configuration.sizes.width, outputs: configuration.projectionWidth, bias: false) : nil
    }

    package var className: String { configuration.hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel" }
    package var children: [(name: String, module: any Module)] {
        [("text_model", transformer)] + (projection.map { [("text_projection", $0)] } ?? [])
    }

    /// - Parameters:
    ///   - ids: padded prompts of equal length.
    ///   - clipSkip: 1 takes the last layer's state, 2 the one before it; the final norm follows in any case.
    /// - Returns: states `[B, T, C]` for cross-attention, and the state at the prompt's end, `[B, C]`.
    package func callAsFunction(ids: [[Int32]], clipSkip: Int = 1) -> (hidden: Tensor, pooled: Tensor) {
        transformer(ids, clipSkip: clipSkip)
    }

    /// Whether there is a projection, which SDXL's second encoder needs.
    package var hasProjection: Bool { projection != nil }

    /// SDXL's states: those before the last layer without the final norm, and the projected pooled vector.
    ///
    /// - Parameter clipSkip: 1 takes the state before the last layer, 2 the one before that.
    package func penultimate(ids: [[Int32]], clipSkip: Int = 1) -> (hidden: Tensor, embedding: Tensor) {
        let states = transformer.penultimate(ids, clipSkip: clipSkip)
        return (states.hidden, projection.map { $0(states.pooled) } ?? states.pooled)
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        projection?.initializeCLIP(
            deviation: 1 / Float(configuration.sizes.width).squareRoot(), seed, path + "text_projection")
    }

    /// The module tree's name for a name in a file: newer files lack the prefix, older ones carry a buffer.
    package static func rename(_ name: String) -> String? {
        if name.hasSuffix("position_ids") { return nil }
        return name.hasPrefix("text_model.") || name.hasPrefix("text_projection.") ? name : "text_model." + name
    }
}
