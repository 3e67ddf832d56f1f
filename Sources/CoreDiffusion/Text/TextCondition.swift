package import CoreTensor

/// What a batch of prompts, and the pictures that they are to change, tell the denoising network.
package struct TextCondition {
    /// The text encoder's states, `[N, S, D]`.
    package let states: Tensor
    /// SDXL's pooled text and picture sizes.
    package let added: UNet2DConditionModel.Added?
    /// The pooled prompt that transformers read, `[N, P]`.
    package let pooled: Tensor?
    /// For models with an embedding of it; nil for 1, with which adapters are trained.
    package var guidance: Float?
    /// What edits begin with, encoded as the network reads it, `[N, h, w, L]`; nil for none.
    package var source: Tensor?

    package init(states: Tensor, added: UNet2DConditionModel.Added? = nil, pooled: Tensor? = nil) {
        self.states = states
        self.added = added
        self.pooled = pooled
    }

    /// What SDXL's two text encoders say.
    ///
    /// - Parameters:
    ///   - small: the first encoder's states, `[N, S, D₁]`.
    ///   - large: the second's, `[N, S, D₂]`.
    ///   - pooled: its projected vector, `[N, P]`.
    ///   - sizes: six for each prompt.
    package init(_ small: Tensor, _ large: Tensor, pooled: Tensor, sizes: [[Float]]) {
        self.init(states: concatenate(small, large), added: .init(text: pooled, sizes: sizes))
    }

    /// Batches one after the other.
    ///
    /// Where some have a source, the others get zeros for one.
    /// - Precondition: all have the added conditions, or none, and equally many tokens.
    package static func joined(_ parts: [TextCondition]) -> TextCondition {
        let added = parts.compactMap(\.added)
        precondition(added.isEmpty || added.count == parts.count, "some prompts without added conditions")
        let pooled = parts.compactMap(\.pooled)
        precondition(pooled.isEmpty || pooled.count == parts.count, "some prompts without pooled states")
        var joined = TextCondition(
            states: concatenateBatch(parts.map(\.states)),
            added: added.isEmpty
                ? nil : .init(text: concatenateBatch(added.map(\.text)), sizes: added.flatMap(\.sizes)),
            pooled: pooled.isEmpty ? nil : concatenateBatch(pooled))
        joined.guidance = parts.first?.guidance
        if let shape = parts.compactMap(\.source).first?.shape.dropFirst() {
            joined.source = concatenateBatch(
                parts.map { $0.source ?? .zeros([$0.states.shape[0]] + Array(shape)) })
        }
        return joined
    }
}
