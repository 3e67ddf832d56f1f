package import Ports
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// What one token may register: so many workers, and so many in a minute. A fleet that comes back after a
/// restart passes at once; a program that makes up workers does not fill the tables that everybody reads.
package final class RegistrationQuota: Sendable {
    private struct Tokens {
        /// Workers of each token, by what the ledger says and what was registered since.
        var workers: [String: Set<String>] = [:]
        /// Whether the ledger was asked.
        var isLoaded = false
        var budgets: [String: (left: Double, at: MonotonicTime)] = [:]
    }

    private let state = Mutex(Tokens())
    private let time: any TimeSource
    private let workers: Int
    private let atOnce: Double
    private let perSecond: Double

    /// - Parameters:
    ///   - workers: of one token, those that are gone included.
    ///   - atOnce: registrations of one token at once; `perSecond` of them come free again in a second.
    package init(workers: Int = .max, atOnce: Double = .infinity, perSecond: Double = 0, time: any TimeSource) {
        self.workers = workers
        self.atOnce = atOnce
        self.perSecond = perSecond
        self.time = time
    }

    /// - Throws: `WireError` `busy`.
    func admit(_ worker: WorkerID, token: String, ledger: Ledger) async throws {
        try spend(token)
        if take(worker, token) { return }
        // Workers that were forgotten meanwhile leave their places.
        let owners = try await ledger.workerOwners()
        state.withLock { state in
            state.workers = Dictionary(grouping: owners) { $0.token }.mapValues { Set($0.map(\.worker)) }
            state.isLoaded = true
        }
        guard take(worker, token) else {
            throw WireError(
                .busy,
                "the token \(token) has registered \(workers) workers already; forget those that are gone "
                    + "(radiata workers forget WORKER), or use another token",
                retryAfter: 60)
        }
    }

    private func spend(_ token: String) throws {
        let now = time.monotonic()
        let isAllowed = state.withLock { state in
            let (before, at) = state.budgets[token] ?? (atOnce, now)
            let left = min(atOnce, before + (now - at).inSeconds * perSecond)
            let isAllowed = left >= 1
            state.budgets[token] = (isAllowed ? left - 1 : left, now)
            return isAllowed
        }
        guard isAllowed else {
            throw WireError(
                .busy, "the token \(token) registers too many workers at once; wait a second", retryAfter: 1)
        }
    }

    private func take(_ worker: WorkerID, _ token: String) -> Bool {
        state.withLock { state in
            guard state.isLoaded else { return false }
            // In place: a copy of thousands of names for each of them would be quadratic.
            let (isKnown, count) = (state.workers[token]?.contains(worker.text) ?? false, state.workers[token]?.count)
            guard isKnown || count ?? 0 < workers else { return false }
            state.workers[token, default: []].insert(worker.text)
            return true
        }
    }
}
