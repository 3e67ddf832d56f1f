/// What this module refuses: weights that do not fit a network, and optimiser states that do not fit its
/// parameters.
package struct NetsError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case missingWeight, unexpectedWeight, wrongShape, wrongState, wrongType, notFinite
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
