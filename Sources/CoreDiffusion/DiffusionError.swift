/// What this module refuses: folders, configurations and tokenizer files that it cannot use.
package struct DiffusionError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case missingFile, unreadable, unsupportedConfiguration, invalidConfiguration
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
