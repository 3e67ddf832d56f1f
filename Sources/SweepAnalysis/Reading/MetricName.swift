import RunSpec

/// Names of metrics as people shorten them.
package enum MetricName {
    /// The metrics that a text may mean: itself where it is one; else those of an encoder that it names
    /// without its digits, `paired_fidelity@dinov2` for `paired_fidelity@dinov2-3f9c21aa`. A prompt type
    /// behind it stays.
    ///
    /// - Returns: sorted; empty for none.
    package static func complete(_ text: String, among names: Set<String>) -> [String] {
        guard !names.contains(text) else { return [text] }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let last = parts.last.map(String.init) ?? ""
        let isAtPrompts = parts.count > 1 && (PromptType(rawValue: last) != nil || last == EditTask.prompts)
        let name = isAtPrompts ? parts.dropLast().joined(separator: "@") : text
        let prompts = isAtPrompts ? "@" + parts[parts.count - 1] : ""
        guard !names.contains(name) else { return [text] }
        guard name.contains("@"), !name.hasSuffix("@") else { return [] }
        return names.filter { $0.hasPrefix(name) && ($0.dropFirst(name.count).first == "-" || name.contains("-")) }
            .sorted().map { $0 + prompts }
    }
}
