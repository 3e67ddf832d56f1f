import Figures
import Foundation

/// Text as HTML wants it.
enum HTML {
    static func escaped(_ text: String) -> String { XMLText.escaped(text) }

    static func number(_ value: Double) -> String { NumberText.short(value) }

    /// `0.812 ± 0.030`, without the ± where there is no interval.
    static func estimate(_ estimate: Estimate) -> String {
        let half = estimate.halfWidth.map { "<small> ± \(NumberText.short($0, digits: 2))</small>" } ?? ""
        return number(estimate.value) + half
    }

    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        if share > 0.995 { return "> 99 %" }
        if share > 0, share < 0.005 { return "< 1 %" }
        return "\(Int((100 * share).rounded())) %"
    }

    /// `2 h 10 min`, `14 min 20 s`, `40 s`.
    static func duration(milliseconds: Double) -> String {
        let seconds = Int((milliseconds / 1000).rounded())
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds / 60) min \(seconds % 60) s" }
        let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60)
        return minutes == 0 ? "\(hours) h" : "\(hours) h \(minutes) min"
    }

    /// JSON that may stand in a script element: nothing in it ends the element or begins a comment.
    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Values that JSON has no numbers for are written as text.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        // Only an `encode` of its own can refuse, and none of the report's values has one that does.
        guard let data = try? encoder.encode(value) else { return "null" }
        return String(decoding: data, as: UTF8.self).replacing("<", with: "\\u003c").replacing(">", with: "\\u003e")
            .replacing("&", with: "\\u0026").replacing("\u{2028}", with: "\\u2028").replacing(
                "\u{2029}", with: "\\u2029")
    }

    /// A part of the page; nothing where it has no content.
    static func section(_ title: String, id: String, _ content: [String]) -> String {
        let parts = content.filter { !$0.isEmpty }
        guard !parts.isEmpty else { return "" }
        return
            "<section class=\"card\" id=\"\(id)\">\n<h2>\(escaped(title))</h2>\n\(parts.joined(separator: "\n"))\n</section>"
    }

    static func quiet(_ text: String) -> String { "<p class=\"quiet\">\(escaped(text))</p>" }

    /// Small figures side by side.
    static func tiles(_ figures: [any Figure]) -> String {
        guard !figures.isEmpty else { return "" }
        return "<div class=\"tiles\">\(figures.map { $0.html(.tile) }.joined(separator: "\n"))</div>"
    }
}
