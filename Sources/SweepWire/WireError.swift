package import Foundation

/// The error of every call: a closed code to switch on and a message that names the thing, what was found and
/// the remedy.
///
/// It is the JSON body of every answer with a status of 400 or more, and what a client throws for it.
package struct WireError: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Codable, CaseIterable, Sendable {
        /// The request cannot be read, or a value in it is impossible. Not repeated.
        case badRequest
        /// No token, an unknown one, an expired or revoked one.
        case unauthorized
        /// The token's scope does not allow the call.
        case forbidden
        case notFound
        case methodNotAllowed
        /// The object is in a state that does not allow this (message says which).
        case conflict
        /// A numbered stream: `expected` is the number the coordinator wants next.
        case gap
        /// A newer attempt holds the job, or the job ended: stop this attempt, keep nothing of it.
        case superseded
        /// The session is not known (the coordinator started anew with another ledger, or it was dropped):
        /// register again.
        case unknownSession
        case tooLarge
        /// Same idempotency key, other content.
        case keyReused
        /// The protocol version is not served.
        case upgrade
        /// A worker or client asks too much; `retryAfter` says when to come again.
        case busy
        /// The coordinator is stopping or starting; `retryAfter` says when to come again.
        case unavailable
        case diskFull
        case internalFault
        /// A code this program does not know (a newer coordinator).
        case other

        package init(from decoder: any Decoder) throws {
            self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .other
        }
    }

    package var code: Code
    package var message: String
    /// For `gap`: the number wanted next.
    package var expected: UInt64?
    /// Seconds after which to try again, for `busy`, `unavailable`, `diskFull`.
    package var retryAfter: Double?

    package init(_ code: Code, _ message: String, expected: UInt64? = nil, retryAfter: Double? = nil) {
        self.code = code
        self.message = message
        self.expected = expected
        self.retryAfter = retryAfter
    }

    package var description: String { message }

    /// HTTP status of the code.
    package var status: Int {
        switch code {
        case .badRequest: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .conflict, .gap, .superseded, .unknownSession: 409
        case .tooLarge: 413
        case .keyReused: 422
        case .upgrade: 426
        case .busy: 429
        case .internalFault, .other: 500
        case .unavailable: 503
        case .diskFull: 507
        }
    }

    /// Whether the same request may succeed later: a client repeats it after `retryAfter`, or after its own
    /// backoff.
    package var isTransient: Bool {
        switch code {
        case .busy, .unavailable, .diskFull: true
        default: false
        }
    }

    /// The error of an answer whose body is no error body (a proxy's page).
    package static func unreadable(status: Int, body: Data) -> WireError {
        // Another server's page, as one line.
        let text = String(decoding: body.prefix(200), as: UTF8.self).split { $0.isWhitespace }.joined(separator: " ")
        let code: Code =
            switch status {
            case 401: .unauthorized
            case 403: .forbidden
            case 404: .notFound
            case 408, 425, 429, 502, 503, 504: .unavailable
            case 413: .tooLarge
            case 426: .upgrade
            case 507: .diskFull
            default: .other
            }
        return WireError(
            code, "answered HTTP \(status), but not as a coordinator does; is another server there? It says: \(text)")
    }
}
