extension Sequence where Element: StringProtocol {
    /// The items for a sentence, and a word where there are none: no message ends in "it has" and nothing.
    package func listed(none: String = "nothing", separator: String = ", ") -> String {
        let text = joined(separator: separator)
        return text.isEmpty ? none : text
    }
}
