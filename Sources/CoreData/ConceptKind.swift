/// What a concept is; decides which prompts and metrics make sense for it.
package enum ConceptKind: String, CaseIterable, Codable, Sendable {
    case character, object, style, scene
    /// A change: each picture has another one that it begins with, and its caption is the instruction.
    case edit
}
