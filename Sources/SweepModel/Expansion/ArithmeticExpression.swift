/// `+ - * /` and parentheses over numbers and parameter names: what `derive` computes.
package struct ArithmeticExpression: Equatable, Sendable {
    private indirect enum Node: Equatable, Sendable {
        case number(Double)
        case name(String)
        case negated(Node)
        case binary(Character, Node, Node)
    }

    package let text: String
    private let root: Node

    /// - Throws: `SweepModelError` that says where the text stops making sense.
    package init(_ text: String) throws(SweepModelError) {
        var parser = Parser(text)
        root = try parser.parse()
        self.text = text
    }

    /// The parameters it needs, each once, in order of appearance.
    package var names: [String] {
        var seen: [String] = []
        Self.collect(root, into: &seen)
        return seen
    }

    /// - Parameter values: has every name of `names`.
    /// - Throws: `SweepModelError` where the result is no finite number.
    package func value(_ values: [String: Double]) throws(SweepModelError) -> Double {
        let result = Self.evaluate(root, values)
        guard result.isFinite else {
            let given = names.map { "\($0) = \(values[$0] ?? .nan)" }.joined(separator: ", ")
            throw SweepModelError(
                code: .badExpression, message: "'\(text)' has no finite value" + (given.isEmpty ? "" : " for \(given)"))
        }
        return result
    }

    private static func collect(_ node: Node, into seen: inout [String]) {
        switch node {
        case .number: break
        case .name(let name): if !seen.contains(name) { seen.append(name) }
        case .negated(let inner): collect(inner, into: &seen)
        case .binary(_, let left, let right):
            collect(left, into: &seen)
            collect(right, into: &seen)
        }
    }

    private static func evaluate(_ node: Node, _ values: [String: Double]) -> Double {
        switch node {
        case .number(let number): return number
        case .name(let name): return values[name] ?? .nan
        case .negated(let inner): return -evaluate(inner, values)
        case .binary(let symbol, let left, let right):
            let a = evaluate(left, values)
            let b = evaluate(right, values)
            switch symbol {
            case "+": return a + b
            case "-": return a - b
            case "*": return a * b
            default: return a / b
            }
        }
    }

    /// Recursive descent: sum of products of signed atoms.
    private struct Parser {
        private let scalars: [UnicodeScalar]
        private let text: String
        private var position = 0
        private var depth = 0

        init(_ text: String) {
            self.text = text
            scalars = Array(text.unicodeScalars)
        }

        mutating func parse() throws(SweepModelError) -> Node {
            // A sum of a hundred thousand terms would be a tree as deep, and walking it would end the stack.
            guard scalars.count <= 1000 else { throw refused("it is longer than 1000 characters") }
            let node = try sum()
            guard peek == nil else { throw refused("'\(rest)' is left over") }
            return node
        }

        private mutating func sum() throws(SweepModelError) -> Node {
            var node = try product()
            while let symbol = peek, symbol == "+" || symbol == "-" {
                position += 1
                node = .binary(Character(symbol), node, try product())
            }
            return node
        }

        private mutating func product() throws(SweepModelError) -> Node {
            var node = try atom()
            while let symbol = peek, symbol == "*" || symbol == "/" {
                position += 1
                node = .binary(Character(symbol), node, try atom())
            }
            return node
        }

        private mutating func atom() throws(SweepModelError) -> Node {
            depth += 1
            defer { depth -= 1 }
            guard depth < 100 else { throw refused("it is nested too deeply") }
            switch peek {
            case nil: throw refused("a number or a name is missing at the end")
            case "-":
                position += 1
                return .negated(try atom())
            case "(":
                position += 1
                let node = try sum()
                guard peek == ")" else { throw refused("a closing parenthesis is missing") }
                position += 1
                return node
            case .some(let scalar) where Self.isDigit(scalar) || scalar == ".": return .number(try number())
            case .some(let scalar) where Self.isLetter(scalar): return .name(word())
            default: throw refused("'\(rest)' is no number and no name")
            }
        }

        private mutating func number() throws(SweepModelError) -> Double {
            let start = position
            while position < scalars.count {
                let scalar = scalars[position]
                let isExponentSign =
                    (scalar == "-" || scalar == "+") && position > start
                    && (scalars[position - 1] == "e" || scalars[position - 1] == "E")
                guard Self.isDigit(scalar) || scalar == "." || scalar == "e" || scalar == "E" || isExponentSign else {
                    break
                }
                position += 1
            }
            let digits = String(String.UnicodeScalarView(scalars[start..<position]))
            guard let value = Double(digits) else { throw refused("'\(digits)' is no number") }
            return value
        }

        private mutating func word() -> String {
            let start = position
            // Also a path in a configuration file: `network_args.conv_dim`, `process[0].lr`.
            while position < scalars.count,
                Self.isLetter(scalars[position]) || Self.isDigit(scalars[position])
                    || ".[]".unicodeScalars.contains(scalars[position])
            {
                position += 1
            }
            return String(String.UnicodeScalarView(scalars[start..<position]))
        }

        /// The next scalar that is not space, without taking it.
        private var peek: UnicodeScalar? {
            mutating get {
                while position < scalars.count, scalars[position].properties.isWhitespace { position += 1 }
                return position < scalars.count ? scalars[position] : nil
            }
        }

        private var rest: String { String(String.UnicodeScalarView(scalars[position...].prefix(20))) }

        private func refused(_ reason: String) -> SweepModelError {
            SweepModelError(
                code: .badExpression,
                message: "'\(text.prefix(200))' is no arithmetic over parameters (+ - * / and parentheses): \(reason)")
        }

        private static func isDigit(_ scalar: UnicodeScalar) -> Bool { ("0"..."9").contains(scalar) }

        private static func isLetter(_ scalar: UnicodeScalar) -> Bool {
            ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
        }
    }
}
