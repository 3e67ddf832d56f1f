package import SweepModel

/// One thing that is wrong with a sweep file.
package struct SweepFault: Equatable, Sendable, Comparable, CustomStringConvertible {
    /// The file, as messages name it: the sweep file or a profile it uses.
    package let file: String
    package let mark: SourceMark
    /// What was found, what is wanted, and the remedy.
    package let message: String

    package init(file: String, mark: SourceMark, message: String) {
        self.file = file
        self.mark = mark
        self.message = message
    }

    package var description: String { "\(file):\(mark.line):\(mark.column): \(message)" }

    package static func < (a: Self, b: Self) -> Bool { (a.file, a.mark, a.message) < (b.file, b.mark, b.message) }
}

/// A sweep file that is refused, with everything that is wrong with it.
package struct SweepFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// No YAML, or more of it than is read; reported alone.
        case syntax
        /// YAML, but no possible sweep.
        case invalid
    }

    package let code: Code
    /// Sorted by place; never empty.
    package let faults: [SweepFault]

    package init(code: Code, faults: [SweepFault]) {
        self.code = code
        self.faults = faults.sorted()
    }

    /// One line a fault: `file:line:column: message`.
    package var description: String { faults.map(\.description).joined(separator: "\n") }
    package var message: String { description }
}
