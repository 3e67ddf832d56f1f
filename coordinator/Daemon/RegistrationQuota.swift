import Ports
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// What one token may register: so many workers, and so many in a minute. A fleet that comes back after a restart passes
/// at once; a program that makes up workers does not fill the tables that everybody reads.
final class RegistrationQuota: Sendable {
    private struct Tokens {
        /// Workers of each token, by what the ledger says and what was registered since.
        var workers: [String: Set<String>] = [:]
        /// Whether the ledger was asked.
        var isLoaded = false
        var budgets: [String: (left: Double, at: MonotonicTime)] = [:]
    }

    private let state = Mutex(Tokens())
    private let time: any TimeSource
    private let limits: ConnectionLimits

    init(_ limits: ConnectionLimits, time: any TimeSource) {
        self.limits = limits
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
                "the token \(token) has registered \(limits.workersOfToken) workers already; forget those that are gone (radiata workers forget WORKER), or use another token",
                retryAfter: 60)
        }
    }

    private func spend(_ token: String) throws {
        let now = time.monotonic()
        let isAllowed = state.withLock { state in
            let burst = limits.registrationsAtOnce
            let (before, at) = state.budgets[token] ?? (burst, now)
            let left = min(burst, before + (now - at).inSeconds * limits.registrationsASecond)
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
            var known = state.workers[token] ?? []
            guard known.contains(worker.text) || known.count < limits.workersOfToken else { return false }
            known.insert(worker.text)
            state.workers[token] = known
            return true
        }
    }
}
