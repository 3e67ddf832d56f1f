/// Sizes both sides keep to.
package enum WireLimit {
    /// Largest JSON body of a control call, in bytes.
    package static let control = 1 << 20
    /// Largest body of a metric batch, in bytes.
    package static let metrics = 4 << 20
    /// Size of every chunk of a blob except the last, in bytes.
    package static let chunk = 8 << 20
    /// Largest launch bundle, in bytes: it lists every file of its inputs.
    package static let launch = 32 << 20
    /// Wait of a long poll where few wait, in seconds.
    package static let waitSeconds = 30.0
    /// Longest wait of a long poll, in seconds: what a worker asks for and gets where very many wait.
    package static let longestWaitSeconds = 120.0
    /// A worker that waits leaves out all but one of so many heartbeats: its poll says too that it is there.
    package static let waitingBeats = 3
    /// Most log text kept for one attempt, in bytes; the newest part stays.
    package static let logBytes = 1 << 20
    /// Largest blob, in bytes.
    package static let blob = 1 << 40
    /// Most digests asked for at once.
    package static let digests = 200_000
    /// Longest life of a token, in seconds: a hundred years.
    package static let tokenSeconds = 100.0 * 366 * 86_400
    /// Longest life of an invitation, in seconds: a month.
    package static let inviteSeconds = 31.0 * 86_400
    /// Most reports in one exchange.
    package static let reports = 512
}
