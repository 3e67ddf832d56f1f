import RunSpec

/// Values as text of a format.
struct ConfigWriter {
    let format: ConfigFormat

    /// - Parameter node: what stood there, whose type is kept.
    func text(_ value: ParameterValue, like node: ConfigNode?) throws(ConfigFault) -> String {
        switch value {
        case .number(let number):
            if let node, case .value(.text) = node.content { return QuotedText.of(Self.number(number, asFloat: false)) }
            return Self.number(number, asFloat: node?.isFloat ?? false)
        case .flag(let flag):
            if let node, case .value(.text(let old)) = node.content {
                return QuotedText.of(["True", "False"].contains(old) ? Self.python(value) : Self.plain(value))
            }
            return flag ? "true" : "false"
        case .text(let text): return format == .yaml && Self.isPlainYAML(text) ? text : QuotedText.of(text)
        case .list(let items):
            var like: ConfigNode?
            if let node, case .list(let old) = node.content { like = old.first }
            var parts: [String] = []
            for item in items { parts.append(try self.text(item, like: like)) }
            return "[" + parts.joined(separator: ", ") + "]"
        case .map(let map):
            var parts: [String] = []
            for (key, item) in map.sorted(by: { $0.key < $1.key }) { parts.append(try entry([key], item, prefix: "")) }
            return parts.isEmpty
                ? "{}"
                : "{" + (format == .toml ? " " : "") + parts.joined(separator: ", ") + (format == .toml ? " }" : "}")
        case .null:
            guard format != .toml else { throw ConfigFault("TOML has no value for nothing; leave the key out") }
            return "null"
        }
    }

    /// `key = value`, `key: value`; keys below each other make tables.
    func entry(_ keys: [String], _ value: ParameterValue, prefix: String) throws(ConfigFault) -> String {
        switch format {
        case .toml:
            return prefix + keys.map(tomlKey).joined(separator: ".") + " = " + (try text(value, like: nil))
        case .yaml, .json:
            let inner = keys.dropFirst().reversed().reduce(value) { inner, key in .map([key: inner]) }
            let key = keys.first ?? ""
            let name = format == .yaml && Self.isPlainYAML(key) ? key : QuotedText.of(key)
            return name + ": " + (try text(inner, like: nil))
        }
    }

    private func tomlKey(_ key: String) -> String {
        let isBare =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte)
                    || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            }
        return isBare ? key : QuotedText.of(key)
    }

    /// Text that every reader of YAML, of version 1.1 too, takes for itself.
    private static func isPlainYAML(_ text: String) -> Bool {
        let words: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf"]
        guard let first = text.unicodeScalars.first, first.isASCII, first.properties.isAlphabetic || first == "/",
            !words.contains(text.lowercased())
        else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_./-".unicodeScalars.contains(scalar))
        }
    }

    /// An integer as one, unless a float is wanted. A float always has its point: readers of YAML 1.1 take
    /// `1e-4` for text.
    static func number(_ number: Double, asFloat: Bool) -> String {
        if !asFloat, number == number.rounded(), abs(number) <= ParameterValue.largestInteger {
            return String(Int(number))
        }
        var text = "\(number)"
        if !text.contains("."), let exponent = text.firstIndex(of: "e") { text.insert(contentsOf: ".0", at: exponent) }
        return text
    }

    // MARK: name=value

    /// An item of a list of `name=value` texts. Python's spelling of truth, which those who evaluate such
    /// texts need, unless the other stood there.
    static func pair(_ name: String, _ value: ParameterValue, like old: String?) -> String {
        let isLower = old.map { ["true", "false"].contains($0) } ?? false
        return "\(name)=\(isLower ? plain(value) : python(value))"
    }

    static func python(_ value: ParameterValue) -> String {
        switch value {
        case .flag(let flag): flag ? "True" : "False"
        case .null: "None"
        case .list(let items): items.map(python).joined(separator: ",")
        default: plain(value)
        }
    }

    static func plain(_ value: ParameterValue) -> String {
        switch value {
        case .number(let number): self.number(number, asFloat: false)
        case .list(let items): items.map(plain).joined(separator: ",")
        default: value.description
        }
    }
}
