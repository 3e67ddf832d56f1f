/// Why a coordinator does not start, or ended: a closed code and a message with the remedy.
package struct CoordinatorError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case badConfiguration
        case portInUse
        case cannotListen
        case badToken
        case badCertificate
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
