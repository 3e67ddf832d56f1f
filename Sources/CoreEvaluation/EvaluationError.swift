/// What can go wrong while images are drawn and measured.
package struct EvaluationError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// A file or folder that the evaluation needs is not there or cannot be written.
        case file
        /// The evaluation plan cannot be carried out (no images, unknown sampler, no prompt).
        case plan
        /// The encoder or the base model does not fit the images.
        case model
        /// A polite stop was asked for between two batches.
        case stopped
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
