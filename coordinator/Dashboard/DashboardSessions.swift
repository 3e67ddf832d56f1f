import Foundation
import Ports
import Synchronization

/// Browsers that were let in: a random cookie stands for a token, in memory only, and it ends with the token.
///
/// Browsers send cookies to every port of a host, to servers of other users too, so a cookie opens the page
/// for people and nothing else. What changes anything needs the session's second secret besides, which the
/// page keeps for itself and sends as a header.
final class DashboardSessions: Sendable {
    private struct Session { var token: String, page: String, expires: MonotonicTime }

    static let lifetime: Duration = .seconds(12 * 3600)
    private static let most = 1000

    /// Name of the cookie: coordinators on one host do not overwrite each other's.
    let cookie: String
    /// By the SHA-256 of the cookie, as tokens are.
    private let sessions = Mutex<[String: Session]>([:])
    private let time: any TimeSource
    private let random: any RandomSource

    /// - Parameter ledger: id of the ledger, for the cookie's name.
    init(ledger: String, time: any TimeSource, random: any RandomSource = SystemRandom()) {
        cookie = "radiata_session_\(ledger.prefix(8))"
        self.time = time
        self.random = random
    }

    /// - Parameter token: id of the token that was shown.
    /// - Returns: the cookie's value, and the page's own secret.
    func begin(token: String) -> (cookie: String, page: String) {
        let (secret, page) = (random.hexadecimal(bytes: 32), random.hexadecimal(bytes: 32))
        let now = time.monotonic()
        sessions.withLock { sessions in
            sessions = sessions.filter { $0.value.expires > now }
            if sessions.count >= Self.most, let oldest = sessions.min(by: { $0.value.expires < $1.value.expires }) {
                sessions[oldest.key] = nil
            }
            sessions[Self.key(secret)] = Session(token: token, page: Self.key(page), expires: now + Self.lifetime)
        }
        return (secret, page)
    }

    func end(_ secret: String) { sessions.withLock { $0[Self.key(secret)] = nil } }

    /// The id of the token that a cookie stands for, for reading the page.
    func token(of secret: String) -> String? { session(secret)?.token }

    /// The same for a call that the page makes: with its own secret too.
    func token(of secret: String, page: String) -> String? {
        session(secret).flatMap { $0.page == Self.key(page) ? $0.token : nil }
    }

    private func session(_ secret: String) -> Session? {
        let now = time.monotonic()
        return sessions.withLock { sessions in
            sessions[Self.key(secret)].flatMap { $0.expires > now ? $0 : nil }
        }
    }

    private static func key(_ secret: String) -> String { ContentDigest.of(secret).text }

    /// The session cookie of a `Cookie` header.
    func secret(in header: String?) -> String? {
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
