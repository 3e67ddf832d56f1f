/// Trigger and class word of a folder that no `concepts.yaml` describes.
///
/// kohya's name `N_trigger class` says both. Otherwise the name is the trigger, and the class is the word
/// that most captions share. Without such a word the name is taken for the class, and nothing for a trigger.
struct ConceptGuess: Equatable {
    let trigger: String
    let className: String
    private let isShared: Bool

    init(name: String, captions: [String]) {
        if let space = name.firstIndex(of: " ") {
            trigger = String(name[..<space])
            className = String(name[name.index(after: space)...])
            isShared = false
        } else if let word = Self.commonWord(captions, besides: name.lowercased()) {
            trigger = name
            className = word
            isShared = true
        } else {
            trigger = ""
            className = name
            isShared = false
        }
    }

    /// "trigger 'veko' and class word 'cat' were guessed from its name".
    var words: String {
        let remedy = "write it with trigger and class: style and drift are measured with the class word"
        if trigger.isEmpty { return "the class word '\(className)' was guessed from its name; \(remedy)" }
        let source = isShared ? "its name and its captions" : "its name"
        return "the trigger '\(trigger)' and the class word '\(className)' were guessed from \(source); \(remedy)"
    }

    /// The most frequent word of at least three of five captions, the first one of two.
    private static func commonWord(_ captions: [String], besides name: String) -> String? {
        guard captions.count >= 2, captions.contains(where: { words($0).contains(name) }) else { return nil }
        var counts: [String: Int] = [:]
        for caption in captions {
            for word in Set(words(caption)) where word.count > 2 && word != name && !fillers.contains(word) {
                counts[word, default: 0] += 1
            }
        }
        let best = counts.filter { $0.value * 5 >= captions.count * 3 }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }
        return best?.key
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "-" }.map(String.init)
    }

    private static let fillers: Set<String> = [
        "the", "and", "with", "from", "its", "his", "her", "this", "that", "for", "are", "has", "have", "under", "over",
        "near", "into", "photo", "picture", "image", "drawing", "painting", "background", "white", "black", "red",
        "green", "blue", "small", "large", "view", "front", "side", "looking", "standing", "sitting",
    ]
}
