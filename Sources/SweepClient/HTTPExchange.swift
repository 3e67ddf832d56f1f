import SweepWire

/// One HTTP request as bytes.
struct HTTPRequest: Sendable {
    var method: WireMethod
    var url: String
    var headers: [String] = []
    var body: [UInt8] = []
    /// From the first packet to the last; nil for no limit but the low-speed one.
    var timeLimit: Duration?
    var connectLimit: Duration = .seconds(10)
    /// Most bytes of an answer that are accepted.
    var answerLimit = 64 << 20
    var trust = TrustedAuthorities.system
    /// Whether `http_proxy` and its kin in the environment count.
    var usesEnvironmentProxy = false
}

struct HTTPAnswer: Sendable {
    var status: Int
    var body: [UInt8]
    /// Names in lower case.
    var headers: [String: String]
}

/// Whose certificates are believed.
package enum TrustedAuthorities: Equatable, Sendable {
    /// The system's, for the name in the address.
    case system
    /// A file's and no others, for the name in the address.
    case file(String)
    /// One authority (PEM) that signs for one coordinator and nobody else: what it signed is the coordinator,
    /// whatever name or address leads there.
    case pinned(String)
    /// Nobody is believed: for what is held against a digest afterwards, and with nothing secret in the
    /// request.
    case unchecked
}

/// What libcurl says when there is no answer.
struct TransportError: Error, Equatable {
    enum Kind { case noAnswer, untrusted, tooLong, badRequest }

    let kind: Kind
    let message: String
}
