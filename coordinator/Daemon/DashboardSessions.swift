import Foundation
import Ports
import Synchronization

/// Browsers that logged in with a token: a random cookie stands for the token, in memory only. It reads, it changes
/// nothing, and it ends with the token.
final class DashboardSessions: Sendable {
    private struct Session { var token: String, expires: MonotonicTime }

    static let cookie = "radiata_session"
    static let lifetime: Duration = .seconds(12 * 3600)
    private static let most = 1000

    /// By the SHA-256 of the cookie, as tokens are.
    private let sessions = Mutex<[String: Session]>([:])
    private let time: any TimeSource
    private let random: any RandomSource

    init(time: any TimeSource, random: any RandomSource = SystemRandom()) {
        self.time = time
        self.random = random
    }

    /// - Parameter token: id of the token that was shown.
    /// - Returns: the cookie's value.
    func begin(token: String) -> String {
        let secret = random.hexadecimal(bytes: 32)
        let now = time.monotonic()
        sessions.withLock { sessions in
            sessions = sessions.filter { $0.value.expires > now }
            if sessions.count >= Self.most, let oldest = sessions.min(by: { $0.value.expires < $1.value.expires }) {
                sessions[oldest.key] = nil
            }
            sessions[Self.key(secret)] = Session(token: token, expires: now + Self.lifetime)
        }
        return secret
    }

    func end(_ secret: String) { sessions.withLock { $0[Self.key(secret)] = nil } }

    /// The id of the token that a cookie stands for.
    func token(of secret: String) -> String? {
        let now = time.monotonic()
        return sessions.withLock { sessions in
            sessions[Self.key(secret)].flatMap { $0.expires > now ? $0.token : nil }
        }
    }

    private static func key(_ secret: String) -> String { ContentDigest.of(secret).text }

    /// The session cookie of a `Cookie` header.
    static func secret(in header: String?) -> String? {
        guard let header else { return nil }
        for pair in header.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == cookie {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
