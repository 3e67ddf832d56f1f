/// What can go wrong in a training run.
package struct TrainingError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// A file or folder cannot be read or written; errno's text is in the message.
        case file
        /// The job asks for what this base, data set or core cannot do.
        case job
        /// A training state that does not belong to this job, or is damaged.
        case state
        /// The loss became NaN or infinite.
        case diverged
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
