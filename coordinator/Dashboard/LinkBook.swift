import Ports
import Synchronization

/// One-time links for browsers: a random code stands for a token, in memory, until it is used or too old.
final class LinkBook: Sendable {
    private struct Link { var token: String, expires: MonotonicTime }

    /// Of a link that a person asked for just now.
    static let lifetime: Duration = .seconds(600)
    /// Of the one that is printed at the start.
    static let startLifetime: Duration = .seconds(3600)
    private static let most = 1000

    /// By the SHA-256 of the code, as tokens are.
    private let links = Mutex<[String: Link]>([:])
    private let time: any TimeSource
    private let random: any RandomSource

    init(time: any TimeSource, random: any RandomSource = SystemRandom()) {
        self.time = time
        self.random = random
    }

    /// - Parameter token: id of the token that the browser will stand for.
    /// - Returns: the path to open.
    func make(token: String, lifetime: Duration = LinkBook.lifetime) -> String {
        let code = random.hexadecimal(bytes: 32)
        let now = time.monotonic()
        links.withLock { links in
            links = links.filter { $0.value.expires > now }
            if links.count >= Self.most, let oldest = links.min(by: { $0.value.expires < $1.value.expires }) {
                links[oldest.key] = nil
            }
            links[Self.key(code)] = Link(token: token, expires: now + lifetime)
        }
        return "\(DashboardPath.open)?code=\(code)"
    }

    /// Uses a link up.
    ///
    /// - Returns: the token's id; nil for a link that was used, is too old, or never was.
    func use(_ code: String) -> String? {
        let now = time.monotonic()
        return links.withLock { $0.removeValue(forKey: Self.key(code)) }.flatMap { $0.expires > now ? $0.token : nil }
    }

    private static func key(_ code: String) -> String { ContentDigest.of(code).text }
}
