import Synchronization

/// Time that stands still until it is moved by hand; sleepers wake in the order of their deadlines.
package final class ManualTime: TimeSource {
    private struct Sleeper {
        let id: UInt64
        let deadline: MonotonicTime
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: MonotonicTime
        var wallOffset: Int64
        var nextID: UInt64 = 0
        var sleepers: [Sleeper] = []
        var cancelled: Set<UInt64> = []
    }

    private let state: Mutex<State>

    package init(monotonic: MonotonicTime = .zero, wall: WallTime = .init(milliseconds: 0)) {
        state = Mutex(State(now: monotonic, wallOffset: wall.milliseconds - monotonic.nanoseconds / 1_000_000))
    }

    package func monotonic() -> MonotonicTime { state.withLock { $0.now } }

    package func wall() -> WallTime {
        state.withLock { .init(milliseconds: $0.now.nanoseconds.flooredDivision(by: 1_000_000) + $0.wallOffset) }
    }

    /// How many tasks sleep now; a test waits for this before it moves the time.
    package var sleeping: Int { state.withLock { $0.sleepers.count } }

    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.deadline <= state.now }
                .sorted { ($0.deadline, $0.id) < ($1.deadline, $1.id) }
            state.sleepers.removeAll { $0.deadline <= state.now }
            return due
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    package func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Outcome { case asleep, over, cancelled }
                let outcome = state.withLock { state -> Outcome in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    if duration <= .zero { return .over }
                    state.sleepers.append(Sleeper(id: id, deadline: state.now + duration, continuation: continuation))
                    return .asleep
                }
                switch outcome {
                case .asleep: break
                case .over: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
