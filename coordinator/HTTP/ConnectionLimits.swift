/// What one connection, one address and one token may take.
package struct ConnectionLimits: Sendable {
    /// From the connection's start to the end of its first request's head (the TLS handshake included).
    package var head: Duration = .seconds(10)
    /// Between an answer and the next request's head.
    package var idle: Duration = .seconds(75)
    /// After this long a body must have come at `bodyRate` bytes a second.
    package var bodyGrace: Duration = .seconds(10)
    package var bodyRate = 16 << 10
    /// Silent connections of one address that were never let in, by a good token; where there are more, the
    /// oldest goes.
    package var strangers = 1024
    /// Of all headers of a request together, in bytes, and how many.
    package var headerBytes = 32 << 10
    package var headerCount = 100

    /// Refused tokens of one address in a minute; further ones are answered 429.
    package var refusedTokens = 20
    /// Workers of one token, those that are gone included.
    package var workersOfToken = 5000
    /// Registrations of one token at once; as many as `registrationsASecond` come free again.
    package var registrationsAtOnce = 5000.0
    package var registrationsASecond = 20.0

    package init() {}
}
