/// What one connection, and one address, may take.
package struct ConnectionLimits: Sendable {
    /// From the connection's start to the end of its first request's head (the TLS handshake included).
    package var head: Duration = .seconds(10)
    /// Between an answer and the next request's head.
    package var idle: Duration = .seconds(75)
    /// After this long a body must have come at `bodyRate` bytes a second.
    package var bodyGrace: Duration = .seconds(10)
    package var bodyRate = 16 << 10
    /// Connections of one address that have not been let in yet (by an answer other than 401, 403 or 429).
    package var strangers = 256
    /// Of all headers of a request together, in bytes, and how many.
    package var headerBytes = 32 << 10
    package var headerCount = 100

    /// Refused tokens of one address in a minute; further ones are answered 429.
    package var refusedTokens = 20

    package init() {}
}
