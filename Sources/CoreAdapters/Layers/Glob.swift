/// Shell patterns over whole layer paths: `*` is any run of characters, dots too, `?` is one character.
package enum Glob {
    /// Whether the whole text matches the pattern.
    package static func matches(_ text: String, _ pattern: String) -> Bool {
        let (text, pattern) = (Array(text.utf8), Array(pattern.utf8))
        let (star, question) = (UInt8(ascii: "*"), UInt8(ascii: "?"))
        var (t, p) = (0, 0)
        // Where to try again when a run of `*` has to grow: the pattern after it, and the text position it
        // reached.
        var retry: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == star {
                retry = (p + 1, t)
                p += 1
            } else if p < pattern.count, pattern[p] == text[t] || pattern[p] == question {
                t += 1
                p += 1
            } else if let last = retry {
                retry = (last.pattern, last.text + 1)
                (t, p) = (last.text + 1, last.pattern)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}
