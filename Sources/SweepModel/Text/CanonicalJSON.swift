package import RunSpec

/// JSON with one spelling per value (RFC 8785, JSON Canonicalization Scheme): keys sorted by UTF-16 code
/// units, no white space, numbers as ECMAScript prints them. Equal values have equal bytes, so that their
/// digest can name them.
package enum CanonicalJSON {
    /// - Throws: `SweepModelError` for a number that is not finite.
    package static func text(_ value: ParameterValue) throws(SweepModelError) -> String {
        var text = ""
        try append(value, to: &text)
        return text
    }

    private static func append(_ value: ParameterValue, to text: inout String) throws(SweepModelError) {
        switch value {
        case .null: text += "null"
        case .flag(let flag): text += flag ? "true" : "false"
        case .number(let number): text += try self.number(number)
        case .text(let string): appendQuoted(string, to: &text)
        case .list(let list):
            text += "["
            for (index, item) in list.enumerated() {
                if index > 0 { text += "," }
                try append(item, to: &text)
            }
            text += "]"
        case .map(let map):
            text += "{"
            let keys = sorted(Array(map.keys))
            for (index, key) in keys.enumerated() {
                if index > 0 { text += "," }
                appendQuoted(key, to: &text)
                text += ":"
                try append(map[key] ?? .null, to: &text)
            }
            text += "}"
        }
    }

    /// By UTF-16 code units; for ASCII that is the order of the bytes, which is found much faster.
    private static func sorted(_ keys: [String]) -> [String] {
        if keys.allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) { return keys.sorted() }
        return keys.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
    }

    /// RFC 8785 section 3.2.2.2: only the two mandatory characters and controls are escaped.
    private static func appendQuoted(_ string: String, to text: inout String) {
        text += "\""
        defer { text += "\"" }
        if string.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x80 && $0 != 0x22 && $0 != 0x5C }) {
            text += string
            return
        }
        for scalar in string.unicodeScalars {
            switch scalar.value {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x08: text += "\\b"
            case 0x09: text += "\\t"
            case 0x0A: text += "\\n"
            case 0x0C: text += "\\f"
            case 0x0D: text += "\\r"
            case 0..<0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// A number as ECMAScript's Number::toString writes it (ECMA-262, section 6.1.6.1.20): the shortest
    /// digits that read back as the same double; plain from 1e-7 (exclusive) to 1e21, with exponent outside.
    package static func number(_ value: Double) throws(SweepModelError) -> String {
        guard value.isFinite else {
            throw SweepModelError(code: .badNumber, message: "\(value) is no JSON number")
        }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
        if value < 0 { return "-" + (try number(-value)) }
        let (digits, point) = shortestDigits(value)
        let count = digits.count
        if count <= point, point <= 21 { return digits + String(repeating: "0", count: point - count) }
        if 0 < point, point <= 21 { return digits.prefix(point) + "." + digits.dropFirst(point) }
        if -6 < point, point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
        let exponent = point - 1
        let sign = exponent < 0 ? "-" : "+"
        let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst(1)
        return "\(mantissa)e\(sign)\(abs(exponent))"
    }

    /// The significant digits and the position of the decimal point after them: value = 0.digits × 10^point.
    /// Swift's own description already has the shortest digits; only its layout differs.
    private static func shortestDigits(_ value: Double) -> (digits: String, point: Int) {
        let parts = value.description.split(separator: "e")
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = mantissa[0]
        let fraction = mantissa.count == 2 ? mantissa[1] : ""
        let all = whole + fraction
        let leading = all.prefix { $0 == "0" }.count
        var digits = all.dropFirst(leading)
        while digits.last == "0" { digits.removeLast() }
        return (String(digits), whole.count - leading + exponent)
    }
}
