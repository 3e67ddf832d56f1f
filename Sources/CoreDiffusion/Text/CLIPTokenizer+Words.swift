extension CLIPTokenizer {
    /// Splits a normalised text as the reference pattern does:
    /// `'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+`.
    package static func words(of text: String) -> [String] {
        let scalars = Array(text.unicodeScalars)
        var words: [String] = []
        var start = 0
        while start < scalars.count {
            let end = wordEnd(scalars, start)
            if end > start {
                var word = String.UnicodeScalarView()
                word.append(contentsOf: scalars[start..<end])
                words.append(String(word))
            }
            start = max(end, start + 1)
        }
        return words
    }

    private enum Kind { case space, letter, number, other }

    /// Past the end of the word that starts here; `start` itself at white space.
    private static func wordEnd(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
        for contraction in contractions where matches(scalars, start, contraction) { return start + contraction.count }
        let first = kind(scalars[start])
        switch first {
        case .space: return start
        case .number: return start + 1
        case .letter, .other:
            return scalars[start...].firstIndex { kind($0) != first } ?? scalars.count
        }
    }

    private static let contractions: [[Unicode.Scalar]] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map {
        Array($0.unicodeScalars)
    }

    private static func matches(_ scalars: [Unicode.Scalar], _ start: Int, _ pattern: [Unicode.Scalar]) -> Bool {
        start + pattern.count <= scalars.count && scalars[start..<start + pattern.count].elementsEqual(pattern)
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        if scalar.properties.isWhitespace { return .space }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }
}
