package import CoreData
package import RunSpec

/// What an evaluation draws, in the order of drawing: every concept, or each of its sub-classes, under every
/// prompt type. Made of words alone.
package struct EvaluationOutline {
    /// What is measured by itself: a concept, or one sub-class of it.
    package struct Part: Equatable {
        package let concept: Int
        /// nil for the concept as a whole.
        package let subclass: String?
        /// In results: the concept's name, and the sub-class behind a slash.
        package let name: String
        /// Places among the concept's trained and held-out pictures.
        package let trained: [Int]
        package let heldOut: [Int]
    }

    /// One part under one prompt type.
    package struct Entry: Equatable {
        /// Index in `parts`.
        package let part: Int
        package let plan: PromptPlan
    }

    package let parts: [Part]
    package let entries: [Entry]

    /// Stands in a concept's list of sub-classes for its pictures that belong to none of the others.
    package static let others = "others"

    /// - Parameter concepts: with the captions of their trained and held-out pictures, in path order.
    package init(_ concepts: [(concept: Concept, captions: [String], heldOut: [String])], spec: EvaluationSpec) {
        let set = spec.promptSet ?? .plain
        var parts: [Part] = []
        for index in concepts.indices { parts += Self.parts(concepts, index, set) }
        var entries: [Entry] = []
        for (place, part) in parts.enumerated() {
            let (concept, captions, heldOut) = concepts[part.concept]
            for type in spec.drawn where type != .holdout || !part.heldOut.isEmpty {
                // An edit has instructions alone.
                if concept.kind == .edit, type != .train, type != .holdout { continue }
                // A style has no rendering in another style that would be its own.
                if set == .lycoris, type == .style, concept.kind == .style { continue }
                let words = type == .holdout ? part.heldOut.map { heldOut[$0] } : part.trained.map { captions[$0] }
                let plan = PromptPlan(
                    type, concept: concept, subclass: part.subclass, captions: words, images: spec.images, set: set,
                    fresh: spec.fresh)
                entries.append(Entry(part: place, plan: plan))
            }
        }
        self.parts = parts
        self.entries = entries
    }

    /// Images of a checkpoint, all told.
    package var images: Int { entries.reduce(0) { $0 + $1.plan.prompts.count } }

    private static func parts(
        _ concepts: [(concept: Concept, captions: [String], heldOut: [String])], _ index: Int, _ set: PromptSet
    ) -> [Part] {
        let (concept, captions, heldOut) = concepts[index]
        let sharesClass = concepts.filter { $0.concept.className == concept.className }.count > 1
        let name = sharesClass || concept.className.isEmpty ? concept.name : concept.className
        let whole = Part(
            concept: index, subclass: nil, name: name, trained: Array(captions.indices),
            heldOut: Array(heldOut.indices))
        guard set == .lycoris, !concept.subclasses.isEmpty else { return [whole] }
        let parts = concept.subclasses.compactMap { subclass -> Part? in
            func places(_ captions: [String]) -> [Int] {
                captions.indices.filter { Self.subclass(of: captions[$0], concept.subclasses) == subclass }
            }
            let trained = places(captions)
            guard !trained.isEmpty else { return nil }
            return Part(
                concept: index, subclass: subclass, name: "\(name)/\(subclass)", trained: trained,
                heldOut: places(heldOut))
        }
        // Sub-classes that no caption names: the concept is measured all the same.
        return parts.isEmpty ? [whole] : parts
    }

    /// The first sub-class that a caption names as a tag of its own, or else among its words, or else
    /// `others`.
    private static func subclass(of caption: String, _ subclasses: [String]) -> String {
        let tags = ", " + caption.lowercased() + ","
        let words = " " + tags.split { !$0.isLetter && !$0.isNumber }.joined(separator: " ") + " "
        let named = subclasses.filter { $0 != others }
        return named.first { tags.contains(", \($0.lowercased()),") }
            ?? named.first { name in
                let own = name.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
                return words.contains(" \(own) ")
            } ?? others
    }
}
