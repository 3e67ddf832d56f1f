package import CoreData
package import RunSpec

/// Which images are drawn to evaluate one concept, by prompt type; after the LyCORIS paper's protocol.
package struct PromptPlan: Equatable, Sendable {
    /// Image `i` of every prompt type uses this plus `i`.
    package static let firstSeed: UInt64 = 1000

    package let type: PromptType
    package let prompts: [EvaluationPrompt]

    /// - Parameters:
    ///   - subclass: stands behind the trigger where the prompt is about that part of the concept.
    ///   - captions: of the concept's training pictures in path order; for `holdout` those of its held-out
    ///     ones. Image i is drawn from caption i modulo their number.
    ///   - images: how many images; the prompts are cycled or cut to it.
    ///   - fresh: see `EvaluationSpec.fresh`; nil for the usual prompts and noise.
    package init(
        _ type: PromptType, concept: Concept, subclass: String? = nil, captions: [String], images: Int,
        set: PromptSet = .plain, fresh: Int? = nil
    ) {
        self.type = type
        let named = subclass.flatMap { $0 == EvaluationOutline.others ? nil : $0 }
        let trigger = concept.triggerPrompt + (named.map { ", " + $0 } ?? "")
        let texts: [String]
        switch type {
        // A held-out picture may have no words at all.
        case .train, .holdout: texts = captions.map { $0.isEmpty ? trigger : $0 }
        case .trigger: texts = [trigger]
        case .alter: texts = Self.alterations(of: concept, trigger, set)
        case .style: texts = Self.renderings(of: concept, set)
        case .conceptFree: texts = PromptTemplates.conceptFree(without: [concept.trigger, concept.className])
        }
        // Diversity is measured among images of one prompt: at least three for each, so few images mean fewer
        // prompts.
        let kept =
            switch type {
            case .train, .holdout: texts
            case .trigger, .alter, .style, .conceptFree:
                Self.some(
                    max(1, images / 3), of: texts,
                    isFresh: fresh.map { type != .style || $0 < EvaluationSpec.freshNoiseOfSameStyles } ?? false)
            }
        let words = PromptWords(concept)
        prompts = (0..<images).map { index in
            let text = kept[index % kept.count]
            return EvaluationPrompt(
                text: text, baseText: concept.kind == .edit ? text : words.withoutTrigger(text),
                measuredText: words.plain(text),
                seed: Self.firstSeed + UInt64(fresh ?? 0) + UInt64(index),
                // Training captions and the trigger count as one group: their diversity is that of all
                // images.
                group: [.alter, .style, .conceptFree].contains(type) ? index % kept.count : 0,
                picture: type == .train || type == .holdout ? index % kept.count : nil)
        }
    }

    /// The first texts; fresh ones are those behind them, as far as there are any.
    private static func some(_ count: Int, of texts: [String], isFresh: Bool) -> [String] {
        guard isFresh, texts.count > count else { return Array(texts.prefix(count)) }
        return (0..<count).map { texts[(count + $0) % texts.count] }
    }

    /// The concept's own prompts, or its name in other surroundings.
    private static func alterations(of concept: Concept, _ trigger: String, _ set: PromptSet) -> [String] {
        guard concept.prompts.isEmpty else { return concept.prompts }
        return set == .lycoris ? PromptTemplates.scenes(trigger, kind: concept.kind) : PromptTemplates.alter(trigger)
    }

    /// The class word, without the trigger: what the base could do before must remain.
    private static func renderings(of concept: Concept, _ set: PromptSet) -> [String] {
        let name = concept.className.isEmpty ? concept.name : concept.className
        return set == .lycoris ? PromptTemplates.painted(name) : PromptTemplates.style(name)
    }
}
