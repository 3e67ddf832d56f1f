import Ports
import Synchronization

/// Refused tokens by address: after too many in a minute, further ones are answered "busy". A good token
/// always passes.
final class FailureBook: Sendable {
    private struct Entry { var count: Int, since: MonotonicTime }

    private static let window: Duration = .seconds(60)
    /// Addresses remembered; an attacker with more than these has won nothing.
    private static let addresses = 10_000

    private let entries = Mutex<[String: Entry]>([:])
    private let most: Int
    private let time: any TimeSource

    init(most: Int, time: any TimeSource) {
        self.most = most
        self.time = time
    }

    /// Counts a refused token.
    ///
    /// - Returns: seconds to wait, if the address had its share.
    func note(_ address: String) -> Double? {
        let now = time.monotonic()
        return entries.withLock { entries in
            if entries.count >= Self.addresses { entries = entries.filter { now - $0.value.since < Self.window } }
            if entries.count >= Self.addresses, entries[address] == nil { return nil }
            var entry = entries[address] ?? Entry(count: 0, since: now)
            if now - entry.since >= Self.window { entry = Entry(count: 0, since: now) }
            entry.count += 1
            entries[address] = entry
            guard entry.count > most else { return nil }
            return max(1, (Self.window - (now - entry.since)).inSeconds)
        }
    }
}
