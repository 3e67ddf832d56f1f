package import CoreData
package import RunSpec

/// Which images are drawn to evaluate one concept, by prompt type; after the LyCORIS paper's protocol.
package struct PromptPlan: Equatable, Sendable {
    /// Image `i` of every prompt type uses this plus `i`.
    package static let firstSeed: UInt64 = 1000

    package let type: PromptType
    package let prompts: [EvaluationPrompt]

    /// - Parameters:
    ///   - captions: of the concept's training pictures in path order; for `holdout` those of its held-out
    ///     ones. Image i is drawn from caption i modulo their number.
    ///   - images: how many images; the prompts are cycled or cut to it.
    package init(_ type: PromptType, concept: Concept, captions: [String], images: Int) {
        self.type = type
        let texts: [String]
        switch type {
        // A held-out picture may have no words at all.
        case .train, .holdout: texts = captions.map { $0.isEmpty ? concept.triggerPrompt : $0 }
        case .trigger: texts = [concept.triggerPrompt]
        case .alter: texts = Self.alterations(of: concept)
        case .style: texts = Self.renderings(of: concept)
        }
        // Diversity is measured among images of one prompt: at least three for each, so few images mean fewer
        // prompts.
        let kept =
            switch type {
            case .train, .holdout: texts
            case .trigger, .alter, .style: Array(texts.prefix(max(1, images / 3)))
            }
        let words = PromptWords(concept)
        prompts = (0..<images).map { index in
            let text = kept[index % kept.count]
            return EvaluationPrompt(
                text: text, baseText: words.withoutTrigger(text), measuredText: words.plain(text),
                seed: Self.firstSeed + UInt64(index),
                // Training captions and the trigger count as one group: their diversity is that of all
                // images.
                group: type == .alter || type == .style ? index % kept.count : 0,
                picture: type == .train || type == .holdout ? index % kept.count : nil)
        }
    }

    /// The concept's own prompts, or its name in other surroundings.
    private static func alterations(of concept: Concept) -> [String] {
        concept.prompts.isEmpty ? PromptTemplates.alter(concept.triggerPrompt) : concept.prompts
    }

    /// The class word, without the trigger: what the base could do before must remain.
    private static func renderings(of concept: Concept) -> [String] {
        PromptTemplates.style(concept.className.isEmpty ? concept.name : concept.className)
    }
}
