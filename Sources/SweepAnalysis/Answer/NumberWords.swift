import Foundation

/// Numbers in sentences.
package enum NumberWords {
    /// Three significant digits, plain where that is short.
    package static func text(_ value: Double) -> String {
        if !value.isFinite { return value.isNaN ? "no number" : value > 0 ? "infinite" : "minus infinite" }
        if value == 0 { return "0" }
        let size = abs(value)
        if size < 1e-3 || size >= 1e6 { return String(format: "%.2e", value).replacing("e-0", with: "e-") }
        return String(format: size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f", value)
    }

    /// `0.082 ± 0.030`: the uncertainty with two digits, the value with as many places.
    package static func text(_ value: Double, plusMinus half: Double?) -> String {
        guard let half, half.isFinite, value.isFinite, half > 0 else { return text(value) }
        let places = min(max(1 - Int(log10(half).rounded(.down)), 0), 6)
        if half < 1e-5 || abs(value) >= 1e6 { return "\(text(value)) ± \(text(half))" }
        return String(format: "%.\(places)f ± %.\(places)f", value, half)
    }

    /// `71 %`; never a certainty that is none.
    package static func chance(_ share: Double) -> String {
        if share > 0.99, share < 1 { return "over 99 %" }
        if share < 0.01, share > 0 { return "under 1 %" }
        return percent(share)
    }

    package static func percent(_ share: Double) -> String { String(format: "%.0f %%", 100 * share) }

    /// `two`, up to ten; digits beyond.
    package static func count(_ number: Int) -> String {
        let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
        return words.indices.contains(number) ? words[number] : "\(number)"
    }

    /// `#2`, `#2 and #3`, `#2, #3 and #4`; of many the first few and how many more.
    package static func ranks(_ ranks: [Int], atMost limit: Int = 6) -> String {
        list(ranks.map { "#\($0)" }, atMost: limit)
    }

    package static func list(_ items: [String], atMost limit: Int = 20) -> String {
        guard items.count > 1 else { return items.first ?? "" }
        if items.count > limit {
            return items.prefix(limit - 1).joined(separator: ", ") + " and \(items.count - limit + 1) more"
        }
        return items.dropLast().joined(separator: ", ") + " and " + items[items.count - 1]
    }
}
