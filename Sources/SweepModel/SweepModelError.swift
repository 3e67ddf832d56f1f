/// What the sweep model refuses: a name, a number, an expression, an expansion, a transition.
package struct SweepModelError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case badName, badNumber, badExpression, badTemplate
        /// A group that cannot be expanded, or a point that is no possible job.
        case badExpansion
        case illegalTransition
    }

    package let code: Code
    package let message: String
    /// Where in the sweep file, if the thing came from one.
    package let mark: SourceMark?

    package init(code: Code, message: String, mark: SourceMark? = nil) {
        self.code = code
        self.message = message
        self.mark = mark
    }

    package var description: String { message }
}

/// A place in a sweep file, both counted from 1.
package struct SourceMark: Hashable, Codable, Comparable, Sendable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}
