package import SweepWire

/// Why a call gave no result.
package struct ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// No connection, or no answer within the time: the coordinator may be down, or the address wrong.
        case unreachable
        /// The connection stands but cannot be trusted, or the certificate cannot be checked.
        case untrusted
        /// The coordinator answered with an error of the contract.
        case refused(WireError.Code)
        /// The answer is not one of the contract: too long, not readable, a redirect.
        case badAnswer
        /// Something on this machine: a file, the address as text, the token.
        case local
    }

    package let code: Code
    /// Names the coordinator, what happened, and the remedy.
    package let message: String
    /// The coordinator's own words, where it answered.
    package let answer: WireError?

    package var description: String { message }

    package init(_ code: Code, _ message: String, answer: WireError? = nil) {
        self.code = code
        self.message = message
        self.answer = answer
    }

    /// Whether the same request may succeed later.
    package var isTransient: Bool {
        switch code {
        case .unreachable: true
        case .refused: answer?.isTransient ?? false
        case .untrusted, .badAnswer, .local: false
        }
    }

    /// The message for an error answer; every remedy is something the user can do.
    ///
    /// - Parameter reason: why no token was sent, where there is something to say.
    static func refused(_ answer: WireError, coordinator: String, reason: String? = nil) -> ClientError {
        let remedy =
            switch answer.code {
            case .unauthorized:
                "; give a token with --token-file FILE or RADIATA_TOKEN (the coordinator keeps its own in admin.token in its data folder)"
            case .forbidden: "; use a token of a wider scope (radiata token create --scope S)"
            default: ""
            }
        return ClientError(
            .refused(answer.code),
            "coordinator \(coordinator): \(answer.message)\(reason.map { "; \($0)" } ?? "")\(remedy)", answer: answer)
    }
}
