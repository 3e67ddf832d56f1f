import Synchronization

/// A wish to stop that may come before, during or after somebody listens for it.
package final class StopSignal: Sendable {
    private struct State {
        var isRequested = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var isRequested: Bool { state.withLock { $0.isRequested } }

    package func request() {
        let listeners = state.withLock { state in
            state.isRequested = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    /// Calls `action` once, as soon as the wish is there.
    func listen(_ action: @escaping @Sendable () -> Void) {
        let isRequested = state.withLock { state in
            if !state.isRequested { state.listeners.append(action) }
            return state.isRequested
        }
        if isRequested { action() }
    }
}
