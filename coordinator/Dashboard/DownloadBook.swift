import Ports
import Synchronization

/// One-time links to files: a browser can save a file of any size by itself only from an address, which
/// carries no secret of the page. In memory, for a minute.
final class DownloadBook: Sendable {
    struct File: Sendable, Equatable {
        var sha256: String
        var name: String
    }

    private struct Link { var file: File, expires: MonotonicTime }

    static let lifetime: Duration = .seconds(60)
    private static let most = 1000

    /// By the SHA-256 of the code, as tokens are.
    private let links = Mutex<[String: Link]>([:])
    private let time: any TimeSource
    private let random: any RandomSource

    init(time: any TimeSource, random: any RandomSource = SystemRandom()) {
        self.time = time
        self.random = random
    }

    /// - Returns: the code.
    func make(_ file: File) -> String {
        let code = random.hexadecimal(bytes: 32)
        let now = time.monotonic()
        links.withLock { links in
            links = links.filter { $0.value.expires > now }
            if links.count >= Self.most, let oldest = links.min(by: { $0.value.expires < $1.value.expires }) {
                links[oldest.key] = nil
            }
            links[ContentDigest.of(code).text] = Link(file: file, expires: now + Self.lifetime)
        }
        return code
    }

    /// Uses a link up.
    func use(_ code: String) -> File? {
        let now = time.monotonic()
        return links.withLock { $0.removeValue(forKey: ContentDigest.of(code).text) }
            .flatMap { $0.expires > now ? $0.file : nil }
    }
}
