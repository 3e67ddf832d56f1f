import Foundation
import SweepWire

/// Which rows of a table are shown: terms that all must hold.
///
/// `state:failed`, `state:failed,parked` (one of), `algorithm!=lora`, `lr>1e-4`, `lr:1e-5..1e-3`, and words
/// that stand somewhere in a row. Values with spaces stand in quotes.
struct TableFilter: Sendable, Equatable {
    enum Test: Sendable, Equatable {
        case oneOf([String], isNot: Bool)
        case range(Double, Double)
        case above(Double, orEqual: Bool)
        case below(Double, orEqual: Bool)
    }

    struct Term: Sendable, Equatable {
        var column: String
        var test: Test
    }

    var terms: [Term] = []
    /// In lower case.
    var words: [String] = []

    var columns: [String] { terms.map(\.column) }

    /// Leaves everything.
    init() {}

    /// - Throws: `WireError` `badRequest` for a number that is none.
    init(_ text: String) throws {
        for token in Self.tokens(text) {
            guard let place = token.text.firstIndex(where: { ":=<>!".contains($0) }), place > token.text.startIndex,
                !token.isQuoted
            else {
                words.append(token.text.lowercased())
                continue
            }
            let column = String(token.text[..<place])
            var rest = token.text[place...]
            var mark = String(rest.removeFirst())
            if let next = rest.first, next == "=" { mark.append(rest.removeFirst()) }
            terms.append(Term(column: column, test: try Self.test(mark, String(rest), token.text)))
        }
    }

    private static func test(_ mark: String, _ value: String, _ token: String) throws -> Test {
        func number(_ text: some StringProtocol) throws -> Double {
            guard let number = Double(text) else {
                throw WireError(.badRequest, "filter: '\(token.prefix(80))' wants a number, found '\(text.prefix(40))'")
            }
            return number
        }
        switch mark {
        case ">", ">=": return .above(try number(value), orEqual: mark == ">=")
        case "<", "<=": return .below(try number(value), orEqual: mark == "<=")
        case "!=", "!": return .oneOf(value.lowercased().split(separator: ",").map(String.init), isNot: true)
        default:
            let ends = value.components(separatedBy: "..")
            if ends.count == 2, let low = ends[0].isEmpty ? -.infinity : Double(ends[0]),
                let high = ends[1].isEmpty ? .infinity : Double(ends[1])
            {
                return .range(low, high)
            }
            return .oneOf(value.lowercased().split(separator: ",").map(String.init), isNot: false)
        }
    }

    /// Words between spaces; quotes keep spaces together and are left out.
    private static func tokens(_ text: String) -> [(text: String, isQuoted: Bool)] {
        var tokens: [(text: String, isQuoted: Bool)] = []
        var word = ""
        var (isInside, startsQuoted) = (false, false)
        func end() {
            if !word.isEmpty { tokens.append((word, startsQuoted)) }
            (word, startsQuoted) = ("", false)
        }
        for character in text {
            switch character {
            case "\"":
                if word.isEmpty { startsQuoted = true }
                isInside.toggle()
            case " " where !isInside: end()
            default: word.append(character)
            }
        }
        end()
        return tokens
    }
}

extension TableFilter.Test {
    func holds(_ cell: TableCell) -> Bool {
        switch (self, cell) {
        case (.oneOf(let values, let isNot), _): return values.contains { Self.equals(cell, $0) } != isNot
        case (.range(let low, let high), .number(let number)): return number >= low && number <= high
        case (.above(let bound, let orEqual), .number(let number)): return orEqual ? number >= bound : number > bound
        case (.below(let bound, let orEqual), .number(let number)): return orEqual ? number <= bound : number < bound
        default: return false
        }
    }

    /// The same of numbers, of which NaN is nothing.
    var ofNumbers: @Sendable (Double) -> Bool {
        switch self {
        case .oneOf(let values, let isNot):
            let numbers = values.compactMap(Double.init)
            let hasNothing = values.contains("none")
            return { number in (number.isNaN ? hasNothing : numbers.contains(number)) != isNot }
        case .range(let low, let high): return { $0 >= low && $0 <= high }
        case .above(let bound, let orEqual): return { orEqual ? $0 >= bound : $0 > bound }
        case .below(let bound, let orEqual): return { orEqual ? $0 <= bound : $0 < bound }
        }
    }

    /// - Parameter value: in lower case.
    private static func equals(_ cell: TableCell, _ value: String) -> Bool {
        switch cell {
        case .none: value == "none"
        case .number(let number): Double(value) == number
        case .text(let text):
            text.lowercased() == value || (text.utf8.count == 64 && value.utf8.count >= 8 && text.hasPrefix(value))
        }
    }
}
