/// What `radiata sample` and `radiata evaluate` refuse before any work begins.
package struct SampleError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable { case arguments, latents, output }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
