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
    /// File with the certificate authorities to trust instead of the system's.
    var authorities: String?
    /// Whether `http_proxy` and its kin in the environment count.
    var usesEnvironmentProxy = false
}

struct HTTPAnswer: Sendable {
    var status: Int
    var body: [UInt8]
    /// Names in lower case.
    var headers: [String: String]
}

/// What libcurl says when there is no answer.
struct TransportError: Error, Equatable {
    enum Kind { case noAnswer, untrusted, tooLong, badRequest }

    let kind: Kind
    let message: String
}
