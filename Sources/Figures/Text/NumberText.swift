import Glibc

/// Numbers as figures and tables show them.
package enum NumberText {
    /// Three significant digits, or as many as are asked for; far from 1 with a power of ten: `0.812`,
    /// `12.3`, `5.12e-5`.
    package static func short(_ value: Double, digits: Int = 3) -> String {
        guard value.isFinite else { return "–" }
        guard value != 0 else { return "0" }
        let exponent = Int(floor(log10(abs(value))))
        guard exponent >= -3, exponent < 6 else { return scientific(value, exponent: exponent) }
        return fixed(value, decimals: max(0, digits - 1 - exponent))
    }

    /// As people write a value that they chose: `0.0005`, `1e-6`, `16`.
    package static func plain(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        guard value != 0 else { return "0" }
        let exponent = Int(floor(log10(abs(value)) + 1e-12))
        guard exponent >= -4, exponent < 6 else { return scientific(value, exponent: exponent) }
        return trimmed(fixed(value, decimals: max(0, 5 - exponent)))
    }

    /// Rounded to so many digits after the point, half away from zero.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return "–" }
        let power = pow(10, Double(decimals))
        let scaled = (abs(value) * power).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let digits = String(Int(scaled))
        let sign = value < 0 && scaled > 0 ? "−" : ""
        guard decimals > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    /// Digits after the point without zeros at their end.
    static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    private static func scientific(_ value: Double, exponent: Int) -> String {
        let mantissa = trimmed(fixed(value / pow(10, Double(exponent)), decimals: 2))
        // 9.999 rounds to 10.
        if mantissa == "10" || mantissa == "−10" {
            return (value < 0 ? "−1e" : "1e") + String(exponent + 1)
        }
        return "\(mantissa)e\(exponent)"
    }
}
