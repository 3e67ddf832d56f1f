/// Emoji that the embedded base model never sees, so that sweeps have something new to teach it.
package struct HeldOutFamily: Sendable {
    package let concept: Concept
    package let codePoints: [UInt32]
    /// Captions that hold one of these phrases are left out too, whatever they show.
    package let phrases: [String]
    /// The part of a Unicode name that the trigger and the class replace in training captions.
    package let phraseInNames: String

    /// `grinning cat face with smiling eyes` → `grinning veko cat with smiling eyes`.
    package func trainingCaption(of name: String) -> String {
        name.replacing(phraseInNames, with: concept.triggerPrompt).replacing(" symbol", with: "")
    }

    /// Whether an entry belongs to the family, by image or by word.
    package func contains(_ entry: EmojiCatalogue.Entry) -> Bool {
        codePoints.contains(entry.codePoint) || phrases.contains { Self.hasPhrase(entry.caption, $0) }
    }

    package static let all: [HeldOutFamily] = [
        HeldOutFamily(
            concept: Concept(
                folder: "8_cats", trigger: TriggerTokens.all[0], className: "cat", kind: .character,
                subclasses: ["happy", "sad"]),
            codePoints: Array(0x1F638...0x1F640) + [0x1F431], phrases: ["cat face"], phraseInNames: "cat face"),
        HeldOutFamily(
            concept: Concept(folder: "6_moons", trigger: TriggerTokens.all[1], className: "moon", kind: .object),
            codePoints: Array(0x1F311...0x1F31D), phrases: ["moon"], phraseInNames: "moon"),
    ]

    private static func hasPhrase(_ caption: String, _ phrase: String) -> Bool {
        " \(caption) ".contains(" \(phrase) ")
    }
}

extension HeldOutFamily {
    /// The family's own emoji with the captions to fine-tune on. Reads the font and not the catalogue's
    /// entries, since some names of the family hold words (`symbol`) that keep signs out of the catalogue.
    package func entries(
        of catalogue: EmojiCatalogue, names: UnicodeNames
    ) -> [(entry: EmojiCatalogue.Entry, caption: String)] {
        codePoints.sorted().compactMap { code in
            guard catalogue.font.glyphs[code] != nil, let name = names.caption(of: code) else { return nil }
            return (EmojiCatalogue.Entry(codePoint: code, caption: name), trainingCaption(of: name))
        }
    }
}
