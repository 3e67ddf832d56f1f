/// An attempt that should stop.
package struct StopOrder: Codable, Equatable, Sendable {
    package var token: AttemptToken
    package var reason: StopReason
    package init(token: AttemptToken, reason: StopReason) {
        self.token = token
        self.reason = reason
    }
}

/// Why an attempt should stop politely: save a training state, then release. `cancel` need not save. After
/// `finish` it is done with what it has.
package enum StopReason: String, Codable, Sendable {
    case pause, cancel, drain, finish
}
