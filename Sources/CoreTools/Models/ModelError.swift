/// What `radiata model run` refuses: components it does not know and inputs that do not fit the model.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case unknownComponent, missingInput, wrongInput, wrongAdapter, wrongModel }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
