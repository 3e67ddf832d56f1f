/// One folder of a data set: something to be learnt, with the word that shall call it.
package struct Concept: Codable, Equatable, Sendable {
    /// Name of the folder, `N_name` in kohya's convention.
    package var folder: String
    /// Whole-word token that stands for the concept in captions; empty for none.
    package var trigger: String
    /// Plain words for what the base model knows nearest to it; also the class in evaluations.
    package var className: String
    package var kind: ConceptKind
    package var subclasses: [String]
    /// Prompts for the type `alter`; empty means the built-in ones of the kind.
    package var prompts: [String]

    package init(
        folder: String, trigger: String, className: String, kind: ConceptKind, subclasses: [String] = [],
        prompts: [String] = []
    ) {
        self.folder = folder
        self.trigger = trigger
        self.className = className
        self.kind = kind
        self.subclasses = subclasses
        self.prompts = prompts
    }

    /// How often an epoch visits each image: the number before the first underscore.
    package var repeats: Int { Self.split(folder)?.repeats ?? 1 }

    /// The folder's name without the number.
    package var name: String { Self.split(folder)?.name ?? folder }

    /// `trigger class`, or whichever of the two exists.
    package var triggerPrompt: String {
        [trigger, className].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// `N_name` with N ≥ 1, else nil.
    package static func split(_ folder: String) -> (repeats: Int, name: String)? {
        guard let underscore = folder.firstIndex(of: "_"), let repeats = Int(folder[..<underscore]), repeats >= 1
        else { return nil }
        return (repeats, String(folder[folder.index(after: underscore)...]))
    }
}
