import RunSpec

/// JSON with the places of its values. Comments (`//`, `/* */`) and a comma too many are passed over, as
/// trainers that read `.jsonc` do.
struct JSONReader {
    private var cursor: TextCursor

    static func read(_ scalars: [Unicode.Scalar]) throws(ConfigFault) -> ConfigNode {
        var reader = JSONReader(cursor: TextCursor(scalars))
        try reader.skip()
        let node = try reader.value(depth: 0)
        try reader.skip()
        guard reader.cursor.isAtEnd else { throw reader.cursor.fault("something stands behind the value") }
        return node
    }

    private mutating func skip() throws(ConfigFault) {
        while let next = cursor.peek {
            if " \t\r\n".unicodeScalars.contains(next) {
                cursor.advance()
            } else if cursor.takes("//") {
                while let next = cursor.peek, next != "\n" { cursor.advance() }
            } else if cursor.takes("/*") {
                while !cursor.takes("*/") {
                    guard !cursor.isAtEnd else { throw cursor.fault("a comment does not end") }
                    cursor.advance()
                }
            } else {
                return
            }
        }
    }

    private mutating func value(depth: Int) throws(ConfigFault) -> ConfigNode {
        guard depth < 64 else { throw cursor.fault("more than 64 levels") }
        let start = cursor.place
        switch cursor.peek {
        case "{": return try table(depth)
        case "[": return try list(depth)
        case "\"":
            let text = try string()
            return ConfigNode(.value(.text(text)), start..<cursor.place)
        default:
            let word = cursor.take { !" \t\r\n,]}/".unicodeScalars.contains($0) }
            let range = start..<cursor.place
            switch word {
            case "true": return ConfigNode(.value(.flag(true)), range)
            case "false": return ConfigNode(.value(.flag(false)), range)
            case "null": return ConfigNode(.value(.null), range)
            default:
                guard let number = Double(word), word.first?.isLetter == false else {
                    throw cursor.fault("'\(word.prefix(40))' is no value")
                }
                var node = ConfigNode(.value(.number(number)), range)
                node.isFloat = word.contains { ".eE".contains($0) }
                return node
            }
        }
    }

    private mutating func table(_ depth: Int) throws(ConfigFault) -> ConfigNode {
        let start = cursor.place
        cursor.advance()
        let opened = cursor.place
        try skip()
        let first = cursor.place
        var entries: [ConfigEntry] = []
        while cursor.peek != "}" {
            guard cursor.peek == "\"" else { throw cursor.fault("a key in quotes is wanted") }
            let key = try string()
            try skip()
            guard cursor.takes(":") else { throw cursor.fault("':' is wanted after \"\(key)\"") }
            try skip()
            entries.append(ConfigEntry(key: key, node: try value(depth: depth + 1)))
            try skip()
            if cursor.takes(",") { try skip() } else { break }
        }
        guard cursor.takes("}") else { throw cursor.fault("'}' is wanted") }
        var node = ConfigNode(.table(entries), start..<cursor.place)
        // On a line of its own where the first entry has one.
        let lead = cursor.text(opened..<first)
        let isLine = lead.allSatisfy(\.isWhitespace) && !entries.isEmpty
        node.insertion =
            isLine
            ? Insertion(place: first, after: "," + (lead.isEmpty ? " " : lead))
            : Insertion(place: opened, after: entries.isEmpty ? "" : ", ")
        return node
    }

    private mutating func list(_ depth: Int) throws(ConfigFault) -> ConfigNode {
        let start = cursor.place
        cursor.advance()
        try skip()
        var items: [ConfigNode] = []
        while cursor.peek != "]" {
            items.append(try value(depth: depth + 1))
            try skip()
            if cursor.takes(",") { try skip() } else { break }
        }
        guard cursor.takes("]") else { throw cursor.fault("']' is wanted") }
        var node = ConfigNode(.list(items), start..<cursor.place)
        node.insertion =
            items.last.map { Insertion(place: $0.range.upperBound, before: ", ") } ?? Insertion(place: start + 1)
        return node
    }

    private mutating func string() throws(ConfigFault) -> String {
        cursor.advance()
        var text = String.UnicodeScalarView()
        while let next = cursor.peek {
            if next == "\n" { break }
            cursor.advance()
            if next == "\"" { return String(text) }
            guard next == "\\" else {
                text.append(next)
                continue
            }
            text.append(contentsOf: try cursor.escape().unicodeScalars)
        }
        throw cursor.fault("a text does not end")
    }
}
