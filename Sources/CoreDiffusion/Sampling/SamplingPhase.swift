/// What leads the network over some steps of a sampling run: a prompt, and what guidance leads away from.
package struct SamplingPhase {
    let passes: GuidedPasses
    /// Keys and values of the prompt; a changed network wants a new phase.
    let cache = ContextCache()

    /// - Parameters:
    ///   - unconditional: the empty or the negative prompt; nil, or guidance of 1 and less, runs without
    ///     guidance, as diffusers does.
    ///   - sourceGuidance: of the picture that an edit begins with; read where `conditional` has one.
    package init(
        _ conditional: TextCondition, unconditional: TextCondition?, guidance: Float, sourceGuidance: Float = 1
    ) {
        passes = GuidedPasses(
            conditional, unconditional: unconditional, guidance: guidance, sourceGuidance: sourceGuidance)
    }
}
