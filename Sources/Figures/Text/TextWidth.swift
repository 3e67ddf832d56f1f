/// How wide text is, before any browser has set it.
///
/// The widths are those of DejaVu Sans, the widest face of the usual stack of sans-serif fonts: what fits in
/// it fits in Helvetica, Arial, Roboto and Segoe UI too.
package enum TextWidth {
    /// Width in the units of `size`, the font size.
    package static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
        let thousandths = text.unicodeScalars.reduce(0) { $0 + width($1) }
        return Double(thousandths) / 1000 * size * (isBold ? 1.13 : 1)
    }

    /// The text, or as much of its beginning as fits before an ellipsis; empty where nothing fits.
    package static func shortened(_ text: String, to room: Double, size: Double, isBold: Bool = false) -> String {
        guard of(text, size: size, isBold: isBold) > room else { return text }
        var left = room - of("…", size: size, isBold: isBold)
        guard left > 0 else { return "" }
        var kept = ""
        for character in text {
            left -= of(String(character), size: size, isBold: isBold)
            guard left >= 0 else { break }
            kept.append(character)
        }
        while let last = kept.last, last == " " || last == "·" { kept.removeLast() }
        return kept.isEmpty ? "" : kept + "…"
    }

    /// In thousandths of the font size.
    private static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 32...126: ascii[Int(scalar.value) - 32]
        case 0x00B7: 318
        case 0x0300...0x036F: 0
        case ..<0x0250: 700
        // What is as wide as it is high: ideographs, syllables, full-width forms, emoji.
        case 0x1100...0x11FF, 0x2E80...0xD7FF, 0xF900...0xFAFF, 0xFE30...0xFFEF, 0x1F000...0x3FFFF: 1300
        default: 1000
        }
    }

    /// Of the characters from space to tilde.
    private static let ascii = [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
        636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656,
        557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613,
        635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818,
        592, 592, 525, 636, 337, 636, 838,
    ]
}
