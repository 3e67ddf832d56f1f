import CoreData

/// Takes the words out of a prompt that only the adapter knows.
struct PromptWords {
    private let trigger: [String]
    private let name: [String]
    private let isStyle: Bool

    init(_ concept: Concept) {
        trigger = Self.words(concept.trigger)
        name = Self.words(concept.className)
        isStyle = concept.kind == .style
    }

    /// The prompt as the base model can know it: the trigger dropped before the class word, replaced by it
    /// elsewhere.
    func withoutTrigger(_ text: String) -> String {
        let words = Self.words(text)
        guard !trigger.isEmpty else { return text }
        var result: [String] = []
        var index = 0
        while index < words.count {
            guard words[index...].starts(with: trigger, by: Self.same) else {
                result.append(words[index])
                index += 1
                continue
            }
            index += trigger.count
            if !words[index...].starts(with: name, by: Self.same) { result += name }
        }
        return result.joined(separator: " ")
    }

    /// The prompt for text similarity: of a style, neither trigger nor class word says what the picture
    /// shows.
    func plain(_ text: String) -> String {
        let rest = withoutTrigger(text)
        guard isStyle, !name.isEmpty else { return rest }
        var words = Self.words(rest)
        while let at = words.indices.first(where: { words[$0...].starts(with: name, by: Self.same) }) {
            words.removeSubrange(at..<at + name.count)
        }
        return words.isEmpty ? rest : words.joined(separator: " ")
    }

    private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    /// Case does not matter, nor punctuation at a word's end.
    private static func same(_ a: String, _ b: String) -> Bool { folded(a) == folded(b) }

    private static func folded(_ word: String) -> String {
        var letters = Substring(word.lowercased())
        while let last = letters.last, ",.;:!".contains(last) { letters.removeLast() }
        return String(letters)
    }
}
