/// Prompts that ask a model for a concept in other surroundings (`alter`) or its class in other renderings
/// (`style`).
package enum PromptTemplates {
    /// Ten variations of a subject, all of the kinds that the embedded base model was trained on.
    package static func alter(_ subject: String) -> [String] {
        Backdrop.allCases.map { $0.caption(of: subject) }
            + [Placement.topLeft.caption(of: subject), Placement.bottomRight.caption(of: subject)]
            + ["\(subject) and red heart", "\(subject) and green apple"]
    }

    /// Things that the embedded base knows and every larger one, without the subject: what an adapter adds to
    /// them was not asked for.
    ///
    /// - Parameter words: those that may not be in a prompt: the concept's trigger and class word.
    package static func conceptFree(without words: [String]) -> [String] {
        let taken = Set(words.flatMap { $0.lowercased().split(separator: " ") })
        let prompts = others.filter { taken.isDisjoint(with: $0.split(separator: " ")) }
        return prompts.isEmpty ? others : prompts
    }

    private static let others = [
        "red heart", "green apple", "yellow banana", "house", "bicycle", "umbrella", "guitar", "airplane", "dog",
        "rose", "hamburger", "key",
    ]

    /// Ten prompts that put a subject where no training picture has it, by kind; for bases that know the
    /// world.
    package static func scenes(_ subject: String, kind: ConceptKind) -> [String] {
        switch kind {
        case .character:
            [
                "on a beach at sunset", "reading a book in a library", "in a snowy forest", "wearing a suit",
                "riding a horse",
                "in front of the Eiffel Tower", "cooking in a kitchen", "playing a guitar on a stage",
                "as an astronaut",
                "swimming in a lake",
            ].map { "\(subject), \($0)" }
        case .object, .edit:
            [
                "on a wooden table", "in the snow", "in a swimming pool", "on the moon", "in a library",
                "wearing a red hat",
                "on top of a skateboard", "in a field of flowers", "next to a cup of coffee", "under water",
            ].map { "\(subject), \($0)" }
        case .scene:
            [
                "at night", "in winter with snow", "at sunset", "in the rain", "with people walking by", "in autumn",
                "with a dog in the foreground", "seen from above", "in fog", "with fireworks in the sky",
            ].map { "\(subject), \($0)" }
        case .style:
            [
                "a lighthouse on a cliff", "a portrait of an old man", "a city street at night", "a bowl of fruit",
                "a steam train",
                "a cat on a window sill", "a ship in a storm", "a mountain lake", "a market", "a robot",
            ].map { "\($0), \(subject)" }
        }
    }

    /// A class in the renderings of the paper.
    package static func painted(_ subject: String) -> [String] {
        [
            "a pencil drawing of \(subject)", "a watercolor painting of \(subject)",
            "a painting of \(subject) in the style of Vincent Van Gogh",
            "a painting of \(subject) in the style of Claude Monet", "pixel art of \(subject)",
        ]
    }

    /// One prompt for each of the five renderings.
    package static func style(_ subject: String) -> [String] { Rendering.allCases.map { $0.caption(of: subject) } }
}
