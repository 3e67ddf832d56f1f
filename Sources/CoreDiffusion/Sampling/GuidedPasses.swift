package import CoreTensor

/// The passes of a sampler's step, and how guidance mixes what they answer.
///
/// Of text alone e = eᵤ + s (e_c − eᵤ). Of an instruction c and a source i, with scales s and r,
/// e = e(∅, ∅) + r (e(∅, i) − e(∅, ∅)) + s (e(c, i) − e(∅, i)); a pass that counts nothing is left out.
///
/// - SeeAlso: Ho and Salimans, arXiv:2207.12598; Brooks et al., arXiv:2211.09800, section 3.2.1.
package struct GuidedPasses {
    /// Of all passes, one after the other.
    package let condition: TextCondition
    package let count: Int
    private let guidance: Float
    /// Of each pass, where a source takes part.
    private let weights: [Float]?

    /// - Parameters:
    ///   - unconditional: the empty or the negative prompt; nil, or guidance of 1 and less, runs without
    ///     guidance, as diffusers does. With a source, so does a source guidance below 1.
    package init(
        _ conditional: TextCondition, unconditional: TextCondition?, guidance: Float, sourceGuidance: Float
    ) {
        self.guidance = guidance
        let isEdit = conditional.source != nil
        guard guidance > 1, let unconditional, !isEdit || sourceGuidance >= 1 else {
            (condition, count, weights) = (conditional, 1, nil)
            return
        }
        guard isEdit else {
            (condition, count, weights) = (.joined([unconditional, conditional]), 2, nil)
            return
        }
        var textless = unconditional
        textless.source = conditional.source
        let passes = [
            (conditional, guidance), (textless, sourceGuidance - guidance), (unconditional, 1 - sourceGuidance),
        ].filter { $0.1 != 0 }
        (condition, count, weights) = (.joined(passes.map(\.0)), passes.count, passes.map(\.1))
    }

    /// - Parameter answers: one of each pass, in their order.
    package func mixed(_ answers: [Tensor]) -> Tensor {
        guard answers.count > 1 else { return answers[0] }
        guard let weights else { return add(answers[0], scaled(subtract(answers[1], answers[0]), by: guidance)) }
        let parts = zip(answers, weights).map { scaled($0, by: $1) }
        return parts.dropFirst().reduce(parts[0]) { add($0, $1) }
    }
}
