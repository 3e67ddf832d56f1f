/// What can be wrong with training data; the message names the file or folder, what was found and the remedy.
package struct DataError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case missing, empty, malformed, unwritable }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// Several as one, a line each.
    init(all faults: [DataError], path: String) {
        code = faults.first?.code ?? .empty
        message = faults.isEmpty ? "\(path): holds nothing to train on" : faults.map(\.message).joined(separator: "\n")
    }
}
