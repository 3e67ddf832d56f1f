import CoordinatorOperations
import SweepWire
import Synchronization

/// At most a few queries of users at the same time: each may take seconds of a core.
final class QueryGate: Sendable {
    private let running = Mutex(0)

    /// One query that may run, until it leaves or this value goes away.
    final class Pass: Sendable {
        private let gate: QueryGate
        private let isIn = Mutex(true)

        fileprivate init(_ gate: QueryGate) { self.gate = gate }

        deinit { leave() }

        func leave() {
            let wasIn = isIn.withLock { isIn in
                defer { isIn = false }
                return isIn
            }
            if wasIn { gate.running.withLock { $0 -= 1 } }
        }
    }

    /// - Throws: `WireError` `busy`.
    func enter() throws -> Pass {
        let isAllowed = running.withLock { running in
            guard running < BlockingWork.mostQueries else { return false }
            running += 1
            return true
        }
        guard isAllowed else {
            throw WireError(.busy, "\(BlockingWork.mostQueries) queries run already; try again", retryAfter: 1)
        }
        return Pass(self)
    }
}
