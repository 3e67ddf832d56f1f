/// What can go wrong with a tensor file.
package struct TensorError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case unreadable, unwritable, malformed, unknownTensor, wrongType, tooLarge
    }

    package let code: Code
    /// Names the file and tensor, what was found and what was wanted.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
