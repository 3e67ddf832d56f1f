/// Times and sizes as people write them.
enum Units {
    /// Seconds of a hundred years: what is longer is a slip of the pen.
    static let longest = 3_155_760_000.0

    /// `1h30m`, `90s`, `0.5h`, `100ms`; nil for anything else.
    static func seconds(_ text: String) -> Double? {
        let units: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400]
        var rest = Substring(text.filter { $0 != " " })
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            guard let (number, unit) = numberAndUnit(&rest), let factor = units[unit] else { return nil }
            total += number * factor
        }
        return total
    }

    /// `8GB` (powers of 1000), `512MiB` (powers of 1024); nil for anything else.
    static func bytes(_ text: String) -> Int? {
        var rest = Substring(text.filter { $0 != " " })
        guard let (number, unit) = numberAndUnit(&rest), rest.isEmpty else { return nil }
        let letters = unit.uppercased()
        guard letters.hasSuffix("B") else { return nil }
        let isBinary = letters.hasSuffix("IB")
        let prefix = letters.dropLast(isBinary ? 2 : 1)
        guard let power = ["", "K", "M", "G", "T", "P"].firstIndex(of: String(prefix)) else { return nil }
        let factor = (0..<power).reduce(1.0) { product, _ in product * (isBinary ? 1024 : 1000) }
        let bytes = (number * factor).rounded()
        return bytes < 9e18 ? Int(bytes) : nil
    }

    private static func numberAndUnit(_ rest: inout Substring) -> (Double, String)? {
        let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        rest = rest.dropFirst(digits.count)
        let unit = rest.prefix { $0.isASCII && $0.isLetter }
        rest = rest.dropFirst(unit.count)
        guard let number = Double(digits), !unit.isEmpty else { return nil }
        return (number, String(unit))
    }
}
