/// Which words ask for a concept in other surroundings and its class in other renderings, and of which parts
/// of a concept.
package enum PromptSet: String, CaseIterable, Codable, Sendable {
    /// Words that the embedded base knows; a concept as a whole.
    case plain
    /// The LyCORIS paper's protocol: ten scenes and five painters' styles, each sub-class of a concept by
    /// itself, and no `style` prompts for a concept that is a style.
    ///
    /// - SeeAlso: Yeh et al., arXiv:2309.14859, section 5 and appendix.
    case lycoris
}
