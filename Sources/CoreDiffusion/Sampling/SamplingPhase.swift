/// What leads the network over some steps of a sampling run: a prompt, and what guidance leads away from.
package struct SamplingPhase {
    /// Of one batch, or of two with the unconditional one first.
    let condition: TextCondition
    let isGuided: Bool
    let guidance: Float
    /// Keys and values of the prompt; a changed network wants a new phase.
    let cache = ContextCache()

    /// - Parameters:
    ///   - unconditional: the empty or the negative prompt; nil, or guidance of 1 and less, runs without
    ///     guidance, as diffusers does.
    package init(_ conditional: TextCondition, unconditional: TextCondition?, guidance: Float) {
        let away = guidance <= 1 ? nil : unconditional
        condition = away.map { TextCondition.joined([$0, conditional]) } ?? conditional
        isGuided = away != nil
        self.guidance = guidance
    }
}
