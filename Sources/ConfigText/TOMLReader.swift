import Foundation
import RunSpec

/// TOML 1.0 with the places of its values.
///
/// - SeeAlso: https://toml.io/en/v1.0.0
struct TOMLReader {
    /// A table while it is read; shared, since later headers add to it.
    private final class Table {
        enum Item {
            case table(Table)
            case tables([Table])
            case node(ConfigNode)
        }

        var keys: [String] = []
        var items: [String: Item] = [:]
        /// Where a new entry is written; nil until the table has a line.
        var insertion: Insertion?

        func add(_ key: String, _ item: Item) {
            if items[key] == nil { keys.append(key) }
            items[key] = item
        }

        func node() -> ConfigNode {
            let entries = keys.compactMap { key -> ConfigEntry? in
                switch items[key] {
                case .table(let table): ConfigEntry(key: key, node: table.node())
                case .tables(let tables):
                    ConfigEntry(key: key, node: Self.fixed(.list(tables.map { $0.node() })))
                case .node(let node): ConfigEntry(key: key, node: node)
                case nil: nil
                }
            }
            var node = Self.fixed(.table(entries))
            node.insertion = insertion
            node.refusal = nil
            return node
        }

        /// What has headers has no text of its own to replace.
        private static func fixed(_ content: ConfigNode.Content) -> ConfigNode { ConfigNode(content, 0..<0) }
    }

    private var cursor: TextCursor
    private let root = Table()

    static func read(_ scalars: [Unicode.Scalar]) throws(ConfigFault) -> ConfigNode {
        var reader = TOMLReader(cursor: TextCursor(scalars))
        try reader.document()
        return reader.root.node()
    }

    private mutating func document() throws(ConfigFault) {
        var current = root
        while true {
            try skipLines()
            guard let next = cursor.peek else { break }
            if next == "[" {
                current = try header()
            } else {
                try pair(in: current)
            }
            try endOfLine()
        }
        // A file without a line of its own at the top gets it there.
        if root.insertion == nil { root.insertion = Insertion(place: 0, after: "\n") }
    }

    // MARK: Tables

    private mutating func header() throws(ConfigFault) -> Table {
        let start = cursor.place
        cursor.advance()
        let isList = cursor.takes("[")
        let keys = try self.keys(until: "]")
        guard cursor.takes("]"), !isList || cursor.takes("]"), let last = keys.last else {
            throw cursor.fault("']' is wanted at the end of a table's name")
        }
        var table = root
        var prefix = ""
        for key in keys.dropLast() {
            prefix += key + "."
            table = try inner(table, key, implied: Insertion(place: start, after: "\n", keyPrefix: prefix))
        }
        let lineEnd = endOfThisLine()
        let insertion =
            lineEnd.hasBreak
            ? Insertion(place: lineEnd.place, after: "\n") : Insertion(place: lineEnd.place, before: "\n")
        let new: Table
        switch table.items[last] {
        case .tables(var all) where isList:
            new = Table()
            all.append(new)
            table.items[last] = .tables(all)
        case nil:
            new = Table()
            table.add(last, isList ? .tables([new]) : .table(new))
        // Implied by a header below it, or by dotted keys; now it has a header of its own.
        case .table(let known) where !isList: new = known
        default: throw cursor.fault("'\(keys.joined(separator: "."))' is there already, as something else")
        }
        new.insertion = insertion
        return new
    }

    /// The table of this name inside, made if it is not there.
    private mutating func inner(_ table: Table, _ key: String, implied: Insertion) throws(ConfigFault) -> Table {
        switch table.items[key] {
        case .table(let known): return known
        case .tables(let all):
            guard let last = all.last else { throw cursor.fault("'\(key)' has no tables") }
            return last
        case nil:
            let new = Table()
            // Only below the top: a dotted key counts from the header before it.
            new.insertion =
                root.insertion.map {
                    Insertion(place: $0.place, before: $0.before, after: $0.after, keyPrefix: implied.keyPrefix)
                } ?? Insertion(place: 0, after: "\n", keyPrefix: implied.keyPrefix)
            table.add(key, .table(new))
            return new
        case .node: throw cursor.fault("'\(key)' is no table")
        }
    }

    private mutating func pair(in table: Table) throws(ConfigFault) {
        let start = cursor.lineStart(of: cursor.place)
        let keys = try self.keys(until: "=")
        guard cursor.takes("="), let last = keys.last else { throw cursor.fault("'=' is wanted after a key") }
        skipBlanks()
        let indent = String(cursor.text(start..<cursor.place).prefix { $0 == " " || $0 == "\t" })
        let line = Insertion(place: start, before: indent, after: "\n")
        if table.insertion == nil { table.insertion = line }
        var inside = table
        var prefix = ""
        for key in keys.dropLast() {
            prefix += key + "."
            switch inside.items[key] {
            case .table(let known): inside = known
            case nil:
                let new = Table()
                new.insertion = Insertion(place: start, before: indent, after: "\n", keyPrefix: prefix)
                inside.add(key, .table(new))
                inside = new
            default: throw cursor.fault("'\(key)' is no table")
            }
        }
        guard inside.items[last] == nil else {
            throw cursor.fault("the key '\(keys.joined(separator: "."))' is there twice; remove one")
        }
        inside.add(last, .node(try value(depth: 0)))
    }

    private mutating func keys(until end: Unicode.Scalar) throws(ConfigFault) -> [String] {
        var keys: [String] = []
        while true {
            skipBlanks()
            switch cursor.peek {
            case "\"": keys.append(try basic())
            case "'": keys.append(try literal())
            default:
                let key = cursor.take { scalar in
                    scalar == "_" || scalar == "-" || scalar.properties.numericType != nil
                        || scalar.properties.isAlphabetic
                }
                guard !key.isEmpty else { throw cursor.fault("a key is wanted") }
                keys.append(key)
            }
            skipBlanks()
            if cursor.peek == end { return keys }
            guard cursor.takes(".") else { throw cursor.fault("'\(end)' is wanted after a key") }
        }
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(ConfigFault) -> ConfigNode {
        guard depth < 64 else { throw cursor.fault("more than 64 levels") }
        let start = cursor.place
        switch cursor.peek {
        case "\"":
            let text = try basic()
            return ConfigNode(.value(.text(text)), start..<cursor.place)
        case "'":
            let text = try literal()
            return ConfigNode(.value(.text(text)), start..<cursor.place)
        case "[": return try list(depth)
        case "{": return try inline(depth)
        default:
            var word = cursor.take { !",]}#\r\n".unicodeScalars.contains($0) }
            let trailing = word.reversed().prefix { $0 == " " || $0 == "\t" }.count
            word.removeLast(trailing)
            return try plain(word, start..<cursor.place - trailing)
        }
    }

    private func plain(_ word: String, _ range: Range<Int>) throws(ConfigFault) -> ConfigNode {
        switch word {
        case "true": return ConfigNode(.value(.flag(true)), range)
        case "false": return ConfigNode(.value(.flag(false)), range)
        case "inf", "+inf", "-inf", "nan", "+nan", "-nan":
            throw cursor.fault("'\(word)' is no number that can be compared; leave the key out")
        default: break
        }
        let digits = word.replacing("_", with: "")
        for (mark, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(mark) {
            guard let number = Int(digits.dropFirst(2), radix: radix) else { break }
            return ConfigNode(.value(.number(Double(number))), range)
        }
        if let number = Double(digits), digits.first?.isLetter == false {
            var node = ConfigNode(.value(.number(number)), range)
            node.isFloat = digits.contains { ".eE".contains($0) }
            return node
        }
        // Dates and times are text to everybody here.
        guard word.count >= 8, word.prefix(4).allSatisfy({ $0.isNumber || $0 == ":" }) else {
            throw cursor.fault("'\(word.prefix(40))' is no value; text stands in quotes")
        }
        var node = ConfigNode(.value(.text(word)), range)
        node.refusal = "it is a date"
        return node
    }

    private mutating func list(_ depth: Int) throws(ConfigFault) -> ConfigNode {
        let start = cursor.place
        cursor.advance()
        try skipLines()
        var items: [ConfigNode] = []
        while cursor.peek != "]" {
            items.append(try value(depth: depth + 1))
            try skipLines()
            if cursor.takes(",") { try skipLines() } else { break }
        }
        guard cursor.takes("]") else { throw cursor.fault("']' is wanted") }
        var node = ConfigNode(.list(items), start..<cursor.place)
        node.insertion =
            items.last.map { Insertion(place: $0.range.upperBound, before: ", ") } ?? Insertion(place: start + 1)
        return node
    }

    private mutating func inline(_ depth: Int) throws(ConfigFault) -> ConfigNode {
        let start = cursor.place
        cursor.advance()
        let inner = Table()
        skipBlanks()
        while cursor.peek != "}" {
            let keys = try self.keys(until: "=")
            guard cursor.takes("="), let last = keys.last else { throw cursor.fault("'=' is wanted after a key") }
            skipBlanks()
            var inside = inner
            for key in keys.dropLast() {
                if case .table(let known) = inside.items[key] {
                    inside = known
                } else {
                    let new = Table()
                    inside.add(key, .table(new))
                    inside = new
                }
            }
            guard inside.items[last] == nil else { throw cursor.fault("the key '\(last)' is there twice; remove one") }
            inside.add(last, .node(try value(depth: depth + 1)))
            skipBlanks()
            if cursor.takes(",") { skipBlanks() } else { break }
        }
        guard cursor.takes("}") else { throw cursor.fault("'}' is wanted") }
        var node = inner.node()
        node.range = start..<cursor.place
        node.insertion = Insertion(place: start + 1, before: " ", after: inner.keys.isEmpty ? " " : ",")
        return node
    }

    private mutating func basic() throws(ConfigFault) -> String {
        let isLong = cursor.takes("\"\"\"")
        if !isLong { cursor.advance() } else if !cursor.takes("\r\n") { _ = cursor.takes("\n") }
        var text = String.UnicodeScalarView()
        while let next = cursor.peek {
            if isLong ? cursor.takes("\"\"\"") : next == "\"" {
                if !isLong { cursor.advance() }
                // Up to two quotes may stand before the three that end it.
                while isLong, cursor.takes("\"") { text.append("\"") }
                return String(text)
            }
            if next == "\n", !isLong { break }
            cursor.advance()
            guard next == "\\" else {
                text.append(next)
                continue
            }
            let blanks = cursor.take { $0 == " " || $0 == "\t" || $0 == "\r" }
            if isLong, cursor.peek == "\n" {
                _ = cursor.take { " \t\r\n".unicodeScalars.contains($0) }
            } else {
                guard blanks.isEmpty else { throw cursor.fault("'\\ ' means nothing") }
                text.append(contentsOf: try cursor.escape().unicodeScalars)
            }
        }
        throw cursor.fault("a text does not end")
    }

    private mutating func literal() throws(ConfigFault) -> String {
        let end = cursor.takes("'''") ? "'''" : "'"
        if end == "'" { cursor.advance() } else if !cursor.takes("\r\n") { _ = cursor.takes("\n") }
        let start = cursor.place
        while let next = cursor.peek {
            let place = cursor.place
            if cursor.takes(end) {
                var last = place
                while end.count == 3, cursor.takes("'") { last += 1 }
                return cursor.text(start..<last)
            }
            if next == "\n", end == "'" { break }
            cursor.advance()
        }
        throw cursor.fault("a text does not end")
    }

    // MARK: Between

    private mutating func skipBlanks() { _ = cursor.take { $0 == " " || $0 == "\t" } }

    private mutating func skipLines() throws(ConfigFault) {
        while let next = cursor.peek {
            if " \t\r\n".unicodeScalars.contains(next) {
                cursor.advance()
            } else if next == "#" {
                _ = cursor.take { $0 != "\n" }
            } else {
                return
            }
        }
    }

    private mutating func endOfLine() throws(ConfigFault) {
        skipBlanks()
        if cursor.peek == "#" { _ = cursor.take { $0 != "\n" } }
        if cursor.peek == "\r" { cursor.advance() }
        guard cursor.isAtEnd || cursor.takes("\n") else {
            throw cursor.fault("the line goes on after its value; each key has a line of its own")
        }
    }

    private func endOfThisLine() -> (place: Int, hasBreak: Bool) {
        var ahead = cursor
        _ = ahead.take { $0 != "\n" }
        let hasBreak = ahead.takes("\n")
        return (ahead.place, hasBreak)
    }
}
