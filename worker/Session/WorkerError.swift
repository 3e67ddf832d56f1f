/// Why a worker cannot start or go on.
package struct WorkerError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// The work folder cannot be used.
        case workFolder
        /// The guard process that starts trainers is gone or refuses.
        case guardProcess
        /// A job cannot be prepared as it is: a template, a program, an input that is nowhere.
        case badJob
        /// An input's content is not what its digest says.
        case badInput
        /// A GPU that the user named is not here.
        case noGPU
        /// Another build cannot take this program's place.
        case program
    }

    package let code: Code
    /// Names the thing, what was found and the remedy.
    package let message: String

    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
