/// What a replay refuses: options that do not exist, and batch files that miss tensors.
package struct ReplayError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case badOption, badBatches }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
