/// Numbers as programs print them.
package enum NumberText {
    package static let special: [String: Double] = [
        "NaN": .nan, "nan": .nan, "Infinity": .infinity, "inf": .infinity, "-Infinity": -.infinity, "-inf": -.infinity,
    ]

    /// `3`, `-0.5`, `1e-4`, `nan`, `inf`; nil for everything else, hexadecimal numbers too.
    package static func value(_ text: some StringProtocol) -> Double? {
        let bare = text.drop { $0 == " " }
        let body = bare.last == " " ? String(bare.reversed().drop { $0 == " " }.reversed()) : String(bare)
        if let special = special[body] { return special }
        guard body.utf8.allSatisfy({ (0x2B...0x39).contains($0) && $0 != 0x2C && $0 != 0x2F || $0 | 0x20 == 0x65 })
        else {
            return nil
        }
        return Double(body)
    }

    /// A whole number from 0 to 2^53, which a step is.
    package static func step(_ value: Double?) -> Int64? {
        guard let value, value == value.rounded(), value >= 0, value <= 9_007_199_254_740_992 else { return nil }
        return Int64(value)
    }
}
