/// What can be wrong with an image file; the message names the file, what was found and the remedy.
package struct ImageFileError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case unreadable, notAnImage, unsupported, tooLarge, damaged, unwritable }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }
}
