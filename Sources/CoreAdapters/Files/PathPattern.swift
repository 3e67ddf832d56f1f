/// A regular expression as PEFT's pattern entries have them, matched in a time that grows with the product of
/// its length and the square of the text's: files of strangers name patterns, and an engine that goes back
/// and forth can take for ever.
///
/// Literals, `.`, classes, `\d \w \s`, groups, `|`, `* + ? {m,n}` (lazy ones mean the same here), `^` and
/// `$`. No look-around and no references back.
struct PathPattern: Sendable {
    struct Fault: Error {
        let what: String
    }

    private indirect enum Node: Sendable {
        case any
        case set([ClosedRange<UInt32>], negated: Bool)
        case start, end
        case sequence([Int])
        case choice([Int])
        /// nil: without an upper bound.
        case repeated(Int, least: Int, most: Int?)
    }

    private var nodes: [Node] = []
    private var root = 0

    private static let mostNodes = 2000
    private static let mostRepeats = 100

    init(_ text: String) throws {
        var parser = Parser(Array(text.unicodeScalars))
        root = try choice(&parser, depth: 0)
        guard parser.isAtEnd else { throw Fault(what: "an unopened )") }
    }

    /// Whether the text from a position to its end matches.
    func matches(_ text: [Unicode.Scalar], from start: Int) -> Bool {
        var memo: [Int: Positions] = [:]
        return ends(root, start, text, &memo).contains(text.count)
    }

    /// Some of a text's positions.
    private struct Positions {
        private var words: [UInt64]

        init(upTo count: Int) { words = [UInt64](repeating: 0, count: count / 64 + 1) }

        var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
        func contains(_ position: Int) -> Bool { words[position / 64] >> UInt64(position % 64) & 1 == 1 }
        mutating func insert(_ position: Int) { words[position / 64] |= 1 << UInt64(position % 64) }
        mutating func formUnion(_ other: Positions) { for i in words.indices { words[i] |= other.words[i] } }
        mutating func subtract(_ other: Positions) { for i in words.indices { words[i] &= ~other.words[i] } }

        func visit(_ body: (Int) -> Void) {
            for (index, word) in words.enumerated() {
                var rest = word
                while rest != 0 {
                    body(index * 64 + rest.trailingZeroBitCount)
                    rest &= rest - 1
                }
            }
        }
    }

    /// Where a match that begins at a position can end.
    private func ends(_ node: Int, _ start: Int, _ text: [Unicode.Scalar], _ memo: inout [Int: Positions]) -> Positions
    {
        let key = node * (text.count + 1) + start
        if let known = memo[key] { return known }
        var result = Positions(upTo: text.count)
        switch nodes[node] {
        case .any: if start < text.count, text[start] != "\n" { result.insert(start + 1) }
        case .set(let ranges, let negated):
            if start < text.count, ranges.contains(where: { $0.contains(text[start].value) }) != negated {
                result.insert(start + 1)
            }
        case .start: if start == 0 { result.insert(start) }
        case .end: if start == text.count { result.insert(start) }
        case .sequence(let parts):
            result.insert(start)
            for part in parts { result = step(part, from: result, text, &memo) }
        case .choice(let parts):
            for part in parts { result.formUnion(ends(part, start, text, &memo)) }
        case .repeated(let part, let least, let most):
            result.insert(start)
            for _ in 0..<least { result = step(part, from: result, text, &memo) }
            var (current, rounds) = (result, 0)
            // What was reached before need not be gone on from again.
            while !current.isEmpty, rounds < (most ?? .max) - least {
                var next = step(part, from: current, text, &memo)
                next.subtract(result)
                result.formUnion(next)
                current = next
                rounds += 1
            }
        }
        memo[key] = result
        return result
    }

    /// One part more, from each of some positions.
    private func step(
        _ part: Int, from starts: Positions, _ text: [Unicode.Scalar], _ memo: inout [Int: Positions]
    ) -> Positions {
        var result = Positions(upTo: text.count)
        starts.visit { result.formUnion(ends(part, $0, text, &memo)) }
        return result
    }
}

// MARK: - Reading the pattern

extension PathPattern {
    private struct Parser {
        let text: [Unicode.Scalar]
        var position = 0

        init(_ text: [Unicode.Scalar]) { self.text = text }

        var isAtEnd: Bool { position == text.count }
        var next: Unicode.Scalar? { isAtEnd ? nil : text[position] }

        mutating func take() -> Unicode.Scalar? {
            defer { if !isAtEnd { position += 1 } }
            return next
        }

        mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard next == scalar else { return false }
            position += 1
            return true
        }
    }

    private mutating func add(_ node: Node) throws -> Int {
        guard nodes.count < Self.mostNodes else { throw Fault(what: "too long") }
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func choice(_ parser: inout Parser, depth: Int) throws -> Int {
        guard depth < 50 else { throw Fault(what: "too many groups in each other") }
        var parts = [try sequence(&parser, depth: depth)]
        while parser.take("|") { parts.append(try sequence(&parser, depth: depth)) }
        return parts.count == 1 ? parts[0] : try add(.choice(parts))
    }

    private mutating func sequence(_ parser: inout Parser, depth: Int) throws -> Int {
        var parts: [Int] = []
        while let next = parser.next, next != "|", next != ")" {
            let atom = try atom(&parser, depth: depth)
            parts.append(try quantified(atom, &parser))
        }
        return try add(.sequence(parts))
    }

    private mutating func atom(_ parser: inout Parser, depth: Int) throws -> Int {
        guard let scalar = parser.take() else { throw Fault(what: "ends too early") }
        switch scalar {
        case ".": return try add(.any)
        case "^": return try add(.start)
        case "$": return try add(.end)
        case "(":
            if parser.take("?") { try skipGroupName(&parser) }
            let inner = try choice(&parser, depth: depth + 1)
            guard parser.take(")") else { throw Fault(what: "an unclosed (") }
            return inner
        case "[": return try add(try set(&parser))
        case "*", "+", "?", "{": throw Fault(what: "nothing to repeat before \(scalar)")
        case "\\": return try add(.set(try escaped(&parser), negated: false))
        default: return try add(.set([scalar.value...scalar.value], negated: false))
        }
    }

    /// `(?:` and `(?P<name>` group like `(`.
    private func skipGroupName(_ parser: inout Parser) throws {
        if parser.take(":") { return }
        guard parser.take("P"), parser.take("<") else { throw Fault(what: "(?…) of that kind is not read") }
        while let scalar = parser.take() { if scalar == ">" { return } }
        throw Fault(what: "an unclosed name")
    }

    private mutating func quantified(_ atom: Int, _ parser: inout Parser) throws -> Int {
        let bounds: (least: Int, most: Int?)
        switch parser.next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{": bounds = try counts(&parser)
        default: return atom
        }
        // The sign itself, or the closing brace.
        parser.position += 1
        // A lazy one finds the same texts.
        _ = parser.take("?")
        if let next = parser.next, "*+{".unicodeScalars.contains(next) { throw Fault(what: "two repeats in a row") }
        return try add(.repeated(atom, least: bounds.least, most: bounds.most))
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}`, up to the closing brace.
    private func counts(_ parser: inout Parser) throws -> (least: Int, most: Int?) {
        parser.position += 1
        func number() throws -> Int? {
            var digits = ""
            while let next = parser.next, ("0"..."9").contains(next) {
                digits.unicodeScalars.append(next)
                parser.position += 1
            }
            guard !digits.isEmpty else { return nil }
            guard let value = Int(digits), value <= Self.mostRepeats else {
                throw Fault(what: "{\(digits)} is too many")
            }
            return value
        }
        let least = try number()
        let isRange = parser.take(",")
        let most = isRange ? try number() : least
        guard parser.next == "}", isRange || least != nil else { throw Fault(what: "{ without numbers and }") }
        guard (least ?? 0) <= (most ?? .max) else { throw Fault(what: "{m,n} with m beyond n") }
        return (least ?? 0, most)
    }

    private static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
    private static let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    private static let space: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]

    /// All but these.
    private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var (result, first): ([ClosedRange<UInt32>], UInt32) = ([], 0)
        for range in ranges {
            if first < range.lowerBound { result.append(first...range.lowerBound - 1) }
            first = range.upperBound + 1
        }
        return result + [first...0x10FFFF]
    }

    private func escaped(_ parser: inout Parser) throws -> [ClosedRange<UInt32>] {
        guard let scalar = parser.take() else { throw Fault(what: "ends with \\") }
        switch scalar {
        case "d": return Self.digits
        case "w": return Self.word
        case "s": return Self.space
        case "D": return Self.complement(Self.digits)
        case "W": return Self.complement(Self.word)
        case "S": return Self.complement(Self.space)
        default:
            let isLetter = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            guard !isLetter else { throw Fault(what: "\\\(scalar) is not read") }
            return [scalar.value...scalar.value]
        }
    }

    private func set(_ parser: inout Parser) throws -> Node {
        let negated = parser.take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = parser.take() {
            if scalar == "]", !isFirst { return .set(ranges, negated: negated) }
            isFirst = false
            let found = scalar == "\\" ? try escaped(&parser) : [scalar.value...scalar.value]
            let isRange =
                parser.next == "-" && parser.position + 1 < parser.text.count && parser.text[parser.position + 1] != "]"
            guard isRange, found.count == 1, found[0].count == 1 else {
                ranges += found
                continue
            }
            parser.position += 1
            guard var last = parser.take() else { break }
            if last == "\\", let next = parser.take() { last = next }
            guard last.value >= found[0].lowerBound else { throw Fault(what: "a range that ends before it begins") }
            ranges.append(found[0].lowerBound...last.value)
        }
        throw Fault(what: "an unclosed [")
    }
}
