import SweepWire
import Synchronization

/// At most a few queries of users at the same time: each may take seconds of a core.
final class QueryGate: Sendable {
    static let most = 4
    private let running = Mutex(0)

    func pass<Value>(_ body: () async throws -> Value) async throws -> Value {
        let isAllowed = running.withLock { running in
            guard running < Self.most else { return false }
            running += 1
            return true
        }
        guard isAllowed else {
            throw WireError(.busy, "\(Self.most) queries run already; try again", retryAfter: 1)
        }
        defer { running.withLock { $0 -= 1 } }
        return try await body()
    }
}
