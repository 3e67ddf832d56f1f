/// Prompts that ask a model for a concept in other surroundings (`alter`) or its class in other renderings
/// (`style`).
package enum PromptTemplates {
    /// Ten variations of a subject, all of the kinds that the embedded base model was trained on.
    package static func alter(_ subject: String) -> [String] {
        Backdrop.allCases.map { $0.caption(of: subject) }
            + [Placement.topLeft.caption(of: subject), Placement.bottomRight.caption(of: subject)]
            + ["\(subject) and red heart", "\(subject) and green apple"]
    }

    /// One prompt for each of the five renderings.
    package static func style(_ subject: String) -> [String] { Rendering.allCases.map { $0.caption(of: subject) } }
}
