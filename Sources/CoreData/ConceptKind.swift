/// What a concept is; decides which prompts and metrics make sense for it.
package enum ConceptKind: String, CaseIterable, Codable, Sendable { case character, object, style, scene }
