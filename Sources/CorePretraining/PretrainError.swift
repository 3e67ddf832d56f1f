/// What can go wrong in pre-training; the message names the file or stage, what was found and the remedy.
package struct PretrainError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case missingStage, damagedState, diverged, otherShape, sameFolder }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }
}
